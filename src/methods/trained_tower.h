#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "base/error.h"
#include "codes/code_space.h"
#include "methods/feature_source.h"
#include "methods/input_stage.h"
#include "methods/space_model.h"
#include "nn/tensor_io.h"

namespace warifu {

// The features of one modality of a trained space, as model.json states its tower: given, frozen, or
// trained with the space ("small"), whose tensors `file` holds under "image.tower." or "text.tower.".
// A trained tower looks at one input at a time: a batch of one has no neighbours.
// Errors as open_feature_source and load_module.
Result<std::unique_ptr<FeatureSource>> open_space_features(const SafetensorsFile& file,
                                                           const std::filesystem::path& directory,
                                                           const SpaceModel& model, Modality modality);

// Mean and 1 / spread of the features of one modality, [width] each: "image.mean", "image.scale" …, as
// InputStage::export_to writes them. Errors of read_weight.
struct Standardisation {
  torch::Tensor mean;
  torch::Tensor scale;
};
Result<Standardisation> read_standardisation(const SafetensorsFile& file, const SpaceModel& model, Modality modality);

// The features of one modality as a network of a trained space wants them: its own, standardised as in training.
struct StandardisedSource {
  std::unique_ptr<FeatureSource> features;
  InputStage stage = nullptr;

  // float [inputs, width]; errors of FeatureSource::features.
  Result<torch::Tensor> rows(std::span<const EncoderInput> inputs) const;

  // Features as they come, brought to that; undefined stays undefined.
  torch::Tensor standardised(const torch::Tensor& rows) const {
    return rows.defined() ? stage->standardise(rows) : rows;
  }
};

// Errors of open_space_features and read_standardisation.
Result<StandardisedSource> load_standardised_source(const SafetensorsFile& file, const std::filesystem::path& directory,
                                                    const SpaceModel& model, Modality modality);

}  // namespace warifu
