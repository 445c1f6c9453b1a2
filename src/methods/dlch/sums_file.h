#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "codes/code_space.h"
#include "methods/dlch/old_sums.h"
#include "methods/space_model.h"

namespace warifu {

// The sums of all lengths, by modality, and how many items are in them.
struct SpaceSums {
  std::vector<OldSums> image, text;  // in the order of the lengths
  double items = 0;
};

// Adds items: relaxed or real outputs of all lengths side by side [n, sum of bits], whose signs are the codes.
void add_items(SpaceSums& sums, const std::vector<std::uint32_t>& bits, const torch::Tensor& image_outputs,
               const torch::Tensor& text_outputs, const torch::Tensor& labels);
SpaceSums no_sums(const std::vector<std::uint32_t>& bits, std::int64_t classes);

// "sums.safetensors", of later generations "sums.g2.safetensors" …; its hash goes into model.settings.
Result<void> save_sums(const std::filesystem::path& directory, SpaceModel& model, const SpaceSums& sums);

// kIncompatible: not the file that was written, or of other lengths or labels than model.json states.
Result<SpaceSums> load_sums(const std::filesystem::path& directory, const SpaceModel& model);

}  // namespace warifu
