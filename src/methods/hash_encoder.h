#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "encode/encoder.h"
#include "methods/feature_source.h"
#include "methods/space_model.h"
#include "methods/strict_layers.h"
#include "nn/tensor_io.h"

namespace warifu {

// One modality of a trained space: features, then the layers whose output's signs are the bits.
struct HashBranch {
  std::unique_ptr<FeatureSource> source;
  StrictLayers layers;  // outputs: the bits of all lengths side by side, in the order of the spaces
};

// An encoder of two branches. A code of both modalities is the sign of the sum of the two real-valued
// outputs, each brought to length 1 for each code length, after tanh where `relaxed_by_tanh` (trained
// networks saturate: without it the larger branch would decide alone). The same outputs of the longest length, before
// their signs are taken, are the real-valued embedding.
//
// Strict by construction: see StrictLayers and FeatureSource.
std::unique_ptr<Encoder> make_hash_encoder(const SpaceModel& model, HashBranch image, HashBranch text,
                                           bool relaxed_by_tanh);

// The signs of real values [inputs, bits of all spaces side by side], one matrix for each space.
std::vector<CodeMatrix> pack_lengths(const FloatMatrix& values, std::span<const CodeSpace> spaces);

// Where the bits of spaces[length] begin among those of all spaces side by side.
std::size_t first_bit(std::span<const CodeSpace> spaces, std::size_t length);

// Of real values [inputs, bits of all spaces side by side] those of spaces[length].
FloatMatrix values_of_length(const FloatMatrix& values, std::span<const CodeSpace> spaces, std::size_t length);

// --- from model.safetensors ---

// The layers of one modality: MODALITY.mean, .scale, .layer0.weight [out, in], .layer0.bias, .layer1.weight, …
// kIncompatible or kBadFormat, naming the tensor, if one is missing or of a wrong shape. `limit`: as StrictLayers.
Result<StrictLayers> load_branch_layers(const SafetensorsFile& file, const SpaceModel& model, Modality modality,
                                        float limit);

// A branch over any tower, as model.json and `file` state it.
Result<HashBranch> load_hash_branch(const SafetensorsFile& file, const std::filesystem::path& directory,
                                    const SpaceModel& model, Modality modality, float limit);

}  // namespace warifu
