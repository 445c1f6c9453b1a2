#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/error.h"

namespace warifu {

// kInvalidArgument, with the item: a loss that is NaN or infinite.
Result<void> check_losses(std::span<const double> losses);

struct MixtureOptions {
  int max_rounds = 100;          // of expectation maximisation
  double tolerance = 1e-5;       // ends when no item's posterior changed by more
  double variance_floor = 5e-4;  // of normalised losses, so that no component shrinks to one value
  // Share of the items at either end that do not stretch the scale and are taken as its ends: 0 is
  // min-max normalisation, where one huge loss presses all others together. In [0, 0.5).
  double outlier_share = 0;
  // The share of noisy items where it is known, in 0 … 1: the components are fitted under it. Below one
  // item in all nothing is noisy; with less than one clean item everything is.
  std::optional<double> noisy_share = std::nullopt;
};

// A two-component mixture fitted to the losses of items: which of them are probably clean.
struct LossMixture {
  // For each item, the posterior of the component of the lower mean, 0 … 1; never rises with the loss.
  std::vector<double> clean;
  double clean_share = 1;  // weight of that component
  double clean_mean = 0;   // of normalised losses, 0 … 1
  double noisy_mean = 0;
  // false: no two groups (fewer than two items, all losses equal, a component ran empty, or both have
  // one mean); then every `clean` is 1, or 0 where noisy_share says so.
  bool split = false;
};

// Fits by expectation maximisation to losses normalised to 0 … 1. It starts from the cut of the sorted
// losses with the least variance within both parts, so the outcome is a function of the losses alone.
//
// Below the lower mean an item's posterior is that at the lower mean, and so above the higher one: the
// plain posterior of a narrow component gives its best items to the wider one.
//
// A mixture of two unknown parts always finds two: where all items are clean, it halves them. Who can
// tell the share of noise otherwise (fit_known_noise_mixture) gives it.
//
// kInvalidArgument, with the item: a loss that is NaN or infinite; or options out of range.
//
// Sources: J. Li et al., "DivideMix", ICLR 2020, and Z. Huang et al., "Learning with Noisy
// Correspondence for Cross-modal Matching" (NCR), NeurIPS 2021 (Gaussian, variance 5e-4 added instead
// of a floor); E. Arazo et al., "Unsupervised Label Noise Modeling and Loss Correction", ICML 2019
// (beta, by weighted moments; outlier_share 0.05 there).
Result<LossMixture> fit_gaussian_mixture(std::span<const double> losses, const MixtureOptions& options = {});
Result<LossMixture> fit_beta_mixture(std::span<const double> losses, const MixtureOptions& options = {});

}  // namespace warifu
