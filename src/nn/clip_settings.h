#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/safetensors.h"
#include "nn/transformer_block.h"

namespace warifu {

// What a CLIP checkpoint's tensors do not tell. Taken from clip_settings_file(), else
// from the metadata of the weights (same keys), else as OpenAI trained: heads of width 64 and QuickGELU.
//   vision_heads, transformer_heads   numbers
//   activation                        "quickgelu" or "gelu"  (metadata also: quickgelu = true / false)
struct ClipSettings {
  std::int64_t vision_heads = 0;  // 0: width / 64
  std::int64_t text_heads = 0;
  Activation activation = Activation::kQuickGelu;
};

// The settings file of a file of weights: "NAME.json" beside "NAME.safetensors", else "config.json" beside it;
// empty if there is neither.
std::filesystem::path clip_settings_file(const std::filesystem::path& weights);

// kBadFormat names the key and its value.
Result<ClipSettings> read_clip_settings(const std::filesystem::path& weights, const SafetensorsFile& file);

// The heads that `stated` (0: not stated) means for a tower of `width`. kIncompatible if they do not divide it.
Result<std::int64_t> clip_heads(std::int64_t stated, std::int64_t width);

// The number of blocks PREFIXtransformer.resblocks.0 … n-1, each seen to have matrices of `width`, so
// that a module of that size may be allocated. kIncompatible names the first tensor that does not fit.
Result<std::int64_t> clip_layers(const SafetensorsFile& file, const std::string& prefix, std::int64_t width);

// The shape of a tensor. kIncompatible: missing, or not of `dimensions` dimensions with at least one element.
Result<std::vector<std::int64_t>> clip_shape(const SafetensorsFile& file, const std::string& name,
                                             std::size_t dimensions);

}  // namespace warifu
