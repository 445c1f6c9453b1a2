#include "methods/training_labels.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace warifu {

Result<void> check_training_labels(const TrainingSet& set, std::string_view method, std::size_t most) {
  const std::string name(method);
  std::set<std::uint32_t> values;
  for (const std::size_t position : set.train)
    if (position < set.labels.size()) values.insert(set.labels[position].begin(), set.labels[position].end());
  if (values.size() < 2)
    return fail(ErrorCode::kInvalidArgument,
                values.empty() ? name + " learns from labels, and no training item has one"
                               : name + " learns from labels, and all training items have the same one",
                "ingest with --label-columns, name other ones with --labels, or choose contrastive or cca-itq");
  if (set.label_values > most)
    return fail(ErrorCode::kInvalidArgument,
                std::to_string(set.label_values) + " label values; " + name + " takes at most " + std::to_string(most),
                "choose the label columns that matter with --labels");
  return {};
}

HeldOutLabels held_out_labels(const std::vector<std::size_t>& validation,
                              const std::vector<std::vector<std::uint32_t>>& labels) {
  HeldOutLabels held_out;
  for (const std::size_t position : validation) {
    if (labels[position].empty()) continue;
    held_out.positions.push_back(position);
    auto& values = held_out.labels.emplace_back(ItemLabels{labels[position]})[0];
    std::ranges::sort(values);
  }
  return held_out;
}

torch::Tensor draw_rows(const torch::Tensor& rows, std::int64_t count, Rng& rng) {
  std::vector<std::int64_t> drawn(rows.data_ptr<std::int64_t>(), rows.data_ptr<std::int64_t>() + rows.numel());
  const auto wanted = static_cast<std::size_t>(std::min(count, rows.numel()));
  for (std::size_t i = 0; i < wanted; ++i) std::swap(drawn[i], drawn[i + rng.below(drawn.size() - i)]);
  drawn.resize(wanted);
  return torch::tensor(drawn, torch::kInt64);
}

torch::Tensor signs_of(const torch::Tensor& values) { return values.ge(0).to(torch::kFloat32) * 2 - 1; }

}  // namespace warifu
