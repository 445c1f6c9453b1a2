#pragma once

#include <span>
#include <vector>

#include "base/error.h"

namespace warifu {

// A mixture of two groups of losses, one of which is known by example: that of wrong items, which can
// be made at will (a picture with the text of another item). Unlike a mixture of two unknown groups it
// does not halve items that are all right.
struct KnownNoiseMixture {
  std::vector<double> clean;  // of each item, how likely it is right, 0 … 1; never rises with the loss
  double noise_share = 0;     // of wrong items, 0 … 1; an upper estimate
};

// losses        of the items
// noise_losses  of made wrong items: as wrong ones among the items would have, several times as many best
//
// With p the density of the losses, p0 that of the wrong ones and eta their share,
//   P(wrong | loss) = eta p0(loss) / p(loss),   p0 / p by isotonic regression (it can only rise with the loss),
//   eta = min over t of P(loss > t) / P0(loss > t), t from the quantiles 0.1 to 0.75 of the wrong losses:
// there right items are rare, so what lies there is wrong.
//
// No item is called wrong where noise_losses or losses is empty. kInvalidArgument: a loss that is NaN or infinite.
//
// Sources: B. Efron et al., "Empirical Bayes Analysis of a Microarray Experiment", JASA 2001 (local
// false discovery rate); J. Storey, "A direct approach to false discovery rates", JRSS B 2002 (eta).
Result<KnownNoiseMixture> fit_known_noise_mixture(std::span<const double> losses, std::span<const double> noise_losses);

}  // namespace warifu
