#include "methods/contrastive/label_schedule.h"

#include <algorithm>
#include <set>
#include <span>

#include "base/rng.h"

namespace warifu {
namespace {

constexpr double kItemsAClass = 16;

}  // namespace

double LabelSchedule::supervised_weight() const {
  if (labelled == 0) return 0;
  const auto items = static_cast<double>(labelled);
  return items / (items + kItemsAClass * static_cast<double>(classes));
}

double LabelSchedule::start_decay_share() const {
  if (labelled == 0) return 1;
  return std::min(1.0, kItemsAClass * static_cast<double>(classes) / static_cast<double>(labelled));
}

std::vector<std::vector<std::uint32_t>> limit_labels(const std::vector<std::vector<std::uint32_t>>& labels,
                                                     const std::vector<std::size_t>& train, std::size_t limit,
                                                     std::uint64_t seed) {
  if (labels.empty()) return {};
  std::vector<std::size_t> order = train;
  std::erase_if(order, [&](std::size_t item) { return labels[item].empty(); });
  Rng rng(seed ^ 0x6C6162656C73ULL);  // apart from the split, which the bare seed draws
  shuffle(std::span(order), rng);
  if (limit > 0 && limit < order.size()) order.resize(limit);
  std::vector<std::vector<std::uint32_t>> kept(labels.size());
  for (const std::size_t item : order) kept[item] = labels[item];
  return kept;
}

LabelSchedule schedule_for(const std::vector<std::vector<std::uint32_t>>& labels) {
  LabelSchedule schedule;
  std::set<std::uint32_t> values;
  for (const auto& of_item : labels) {
    schedule.labelled += of_item.empty() ? 0 : 1;
    values.insert(of_item.begin(), of_item.end());
  }
  schedule.classes = values.size();
  return schedule;
}

}  // namespace warifu
