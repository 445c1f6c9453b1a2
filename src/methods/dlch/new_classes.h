#pragma once

#include <torch/torch.h>

namespace warifu {

// One unit for each new class: max(0, z . weight + bias) is 0 for what is not of the class and about 1 for a typical
// item of it.
struct ClassGates {
  torch::Tensor weight;  // float [width, classes]
  torch::Tensor bias;    // float [classes]
};

// Ridge regression of "is of the class" on the inputs z of new items (1) and of old ones (0), which are not there:
// their second moment is taken to be old_items * diag(spread). That is exact for the first generation's items where the
// input layer centres and whitens; where it only centres, columns are taken not to go together, and items that later
// updates learnt are taken to spread as those of the first. A gate opens at `share` of the class's mean score, each
// item scored by a regression without it (leave one out), and never below `guard` standard deviations of old items'
// scores.
//
//   inputs     z float [items, width]
//   labels     multi-hot [items, classes], each class with an item
//   spread     variance of each input over the first generation's items, float [width]
//   old_items  > 0; ridge > 0, added to each variance
//
// Costs min(items, width)^3, whatever the number of old items.
ClassGates class_gates(const torch::Tensor& inputs, const torch::Tensor& labels, const torch::Tensor& spread,
                       double old_items, double ridge, double share, double guard);

// A code word for each new class, float [classes, bits] of -1 and 1: where the network already puts its items, but for
// the fewest, least sure bits that keep it `distance` bits from all of `taken` and from each other. So an item whose
// gate stays shut still lies near its class. Gives up on the distance where there is no such word.
//
//   outputs   mean relaxed codes of the classes' items, [classes, bits]
//   taken     words of other classes, [others, bits] of -1 and 1
torch::Tensor new_class_words(const torch::Tensor& outputs, const torch::Tensor& taken, std::int64_t distance);

}  // namespace warifu
