#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "evaluate/relevance.h"
#include "methods/method.h"

namespace warifu {

// What methods that learn from labels share.

// Memory and the search for code words grow with the square of the label values.
inline constexpr std::size_t kMaxLabelValues = 4096;

// kInvalidArgument, in the name of `method`: the training items have fewer than two different label values, or the set
// has more than `most`.
Result<void> check_training_labels(const TrainingSet& set, std::string_view method, std::size_t most = kMaxLabelValues);

// The held-out items that have a label, and their values as one column, sorted, to measure by.
struct HeldOutLabels {
  std::vector<std::size_t> positions;
  std::vector<ItemLabels> labels;
};
HeldOutLabels held_out_labels(const std::vector<std::size_t>& validation,
                              const std::vector<std::vector<std::uint32_t>>& labels);

// `count` different rows of `rows` (int64 [n]), drawn at random: the first steps of a shuffle.
torch::Tensor draw_rows(const torch::Tensor& rows, std::int64_t count, Rng& rng);

// -1 and 1, float, of the same shape; 0 counts as positive.
torch::Tensor signs_of(const torch::Tensor& values);

}  // namespace warifu
