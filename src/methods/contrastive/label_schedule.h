#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace warifu {

// How much few labels may say beside the pairs: the more of them, the more they teach and the less the weights are
// held to a start. At 16 labelled items a label value, labels have half their full weight.
//
// The form is this project's own (README.md says what it was measured to do).
struct LabelSchedule {
  std::size_t labelled = 0;  // training items with a label
  std::size_t classes = 0;   // different label values among them

  double supervised_weight() const;  // n / (n + 16 classes), in 0 … 1; 0 without labels
  double pair_weight() const { return pair_weight_beside(supervised_weight()); }  // of the pairs' own loss
  static double pair_weight_beside(double supervised_weight) { return 1 - supervised_weight / 2; }
  double start_decay_share() const;  // min(1, 16 classes / n), of the pull to a start; 1 without labels
};

// `labels` of all items with those of `limit` labelled ones of the positions `train` kept, all others empty; which
// ones, by seed. 0: no limit but for items outside `train`. To measure what few labels are worth.
std::vector<std::vector<std::uint32_t>> limit_labels(const std::vector<std::vector<std::uint32_t>>& labels,
                                                     const std::vector<std::size_t>& train, std::size_t limit,
                                                     std::uint64_t seed);

// The schedule for such labels.
LabelSchedule schedule_for(const std::vector<std::vector<std::uint32_t>>& labels);

}  // namespace warifu
