#include "nn/known_noise_mixture.h"

#include <algorithm>
#include <cstddef>

#include "nn/mixture.h"

namespace warifu {
namespace {

constexpr double kFirstQuantile = 0.1;
constexpr double kLastQuantile = 0.75;
constexpr std::size_t kQuantiles = 14;

// Of ascending values, the share above t.
double share_above(std::span<const double> ascending, double t) {
  const auto above = ascending.end() - std::ranges::upper_bound(ascending, t);
  return static_cast<double>(above) / static_cast<double>(ascending.size());
}

double share_of_noise(std::span<const double> losses, std::span<const double> noise) {
  double share = 1;
  for (std::size_t k = 0; k < kQuantiles; ++k) {
    const double quantile =
        kFirstQuantile + (kLastQuantile - kFirstQuantile) * static_cast<double>(k) / (kQuantiles - 1);
    const double t = noise[static_cast<std::size_t>(quantile * static_cast<double>(noise.size() - 1))];
    const double wrong = share_above(noise, t);
    if (wrong > 0) share = std::min(share, share_above(losses, t) / wrong);
  }
  return share;
}

// Neighbouring losses with one ratio of densities.
struct Block {
  double from;                                                                             // least loss in it
  double items;                                                                            // share of all items
  double noise;                                                                            // share of all wrong ones
  bool below(const Block& next) const { return noise * next.items < next.noise * items; }  // a smaller ratio
};

// noise / items over the losses, made to rise by pooling neighbours that do not (R. Barlow et al.,
// "Statistical Inference under Order Restrictions", 1972).
std::vector<Block> rising_ratio(std::span<const double> losses, std::span<const double> noise) {
  std::vector<Block> blocks;
  const double item = 1 / static_cast<double>(losses.size());
  const double wrong = 1 / static_cast<double>(noise.size());
  std::size_t i = 0, j = 0;
  while (i < losses.size() || j < noise.size()) {
    const double at = j == noise.size() || (i < losses.size() && losses[i] <= noise[j]) ? losses[i] : noise[j];
    Block block{at, 0, 0};
    for (; i < losses.size() && losses[i] == at; ++i) block.items += item;
    for (; j < noise.size() && noise[j] == at; ++j) block.noise += wrong;
    while (!blocks.empty() && !blocks.back().below(block)) {
      block = {blocks.back().from, blocks.back().items + block.items, blocks.back().noise + block.noise};
      blocks.pop_back();
    }
    blocks.push_back(block);
  }
  return blocks;
}

}  // namespace

Result<KnownNoiseMixture> fit_known_noise_mixture(std::span<const double> losses,
                                                  std::span<const double> noise_losses) {
  for (const auto& values : {losses, noise_losses})
    if (auto finite = check_losses(values); !finite) return std::unexpected(finite.error());
  KnownNoiseMixture mixture{.clean = std::vector<double>(losses.size(), 1)};
  if (losses.empty() || noise_losses.empty()) return mixture;
  std::vector<double> ascending(losses.begin(), losses.end());
  std::vector<double> noise(noise_losses.begin(), noise_losses.end());
  std::ranges::sort(ascending);
  std::ranges::sort(noise);
  mixture.noise_share = share_of_noise(ascending, noise);
  const auto blocks = rising_ratio(ascending, noise);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const auto next = std::ranges::upper_bound(blocks, losses[i], {}, &Block::from);
    const Block& block = *(next - 1);
    mixture.clean[i] = 1 - std::min(1.0, mixture.noise_share * block.noise / block.items);
  }
  return mixture;
}

}  // namespace warifu
