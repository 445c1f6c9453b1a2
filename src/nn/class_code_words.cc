#include "nn/class_code_words.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "nn/losses.h"

namespace warifu {
namespace {

constexpr int kRedraws = 4000;
constexpr int kCandidates = 64;
constexpr int kSwaps = 20000;
constexpr double kFirstHeat = 2e-4;  // of the cost at the start

// Words as rows of packed bits.
class Words {
 public:
  Words(std::size_t count, std::size_t bits, Rng& rng) : count_(count), bits_(bits), stride_((bits + 63) / 64) {
    for (std::size_t i = 0; i < count_ * stride_; i += stride_) {
      const auto word = draw(rng);
      packed_.insert(packed_.end(), word.begin(), word.end());
    }
  }

  std::vector<std::uint64_t> draw(Rng& rng) const {
    std::vector<std::uint64_t> word(stride_);
    for (std::uint64_t& part : word) part = rng.next();
    if (bits_ % 64 != 0) word.back() &= (std::uint64_t{1} << (bits_ % 64)) - 1;
    return word;
  }

  std::span<std::uint64_t> row(std::size_t i) { return std::span(packed_).subspan(i * stride_, stride_); }
  std::span<const std::uint64_t> row(std::size_t i) const { return std::span(packed_).subspan(i * stride_, stride_); }

  static int distance(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) {
    int sum = 0;
    for (std::size_t w = 0; w < a.size(); ++w) sum += std::popcount(a[w] ^ b[w]);
    return sum;
  }

  // To the nearest of the other words, were `word` in place `i`.
  int nearest(std::span<const std::uint64_t> word, std::size_t i) const {
    int least = static_cast<int>(bits_) + 1;
    for (std::size_t j = 0; j < count_; ++j)
      if (j != i) least = std::min(least, distance(word, row(j)));
    return least;
  }

  bool bit(std::size_t i, std::size_t k) const { return (row(i)[k / 64] >> (k % 64) & 1) != 0; }
  std::size_t count() const { return count_; }

 private:
  std::size_t count_, bits_, stride_;
  std::vector<std::uint64_t> packed_;
};

void spread(Words& words, Rng& rng) {
  const std::size_t count = words.count();
  std::vector<int> nearest(count);
  for (std::size_t i = 0; i < count; ++i) nearest[i] = words.nearest(words.row(i), i);
  for (int round = 0; round < kRedraws; ++round) {
    const auto worst = static_cast<std::size_t>(std::ranges::min_element(nearest) - nearest.begin());
    std::vector<std::uint64_t> best;
    int farthest = -1;
    for (int candidate = 0; candidate < kCandidates; ++candidate) {
      auto word = words.draw(rng);
      const int distance = words.nearest(word, worst);
      if (distance <= farthest) continue;
      farthest = distance;
      best = std::move(word);
    }
    if (farthest < nearest[worst]) continue;
    const std::vector<std::uint64_t> old(words.row(worst).begin(), words.row(worst).end());
    std::ranges::copy(best, words.row(worst).begin());
    nearest[worst] = farthest;
    for (std::size_t i = 0; i < count; ++i) {
      if (i == worst) continue;
      const bool was_nearest = Words::distance(words.row(i), old) == nearest[i];
      nearest[i] = was_nearest ? words.nearest(words.row(i), i)
                               : std::min(nearest[i], Words::distance(words.row(i), words.row(worst)));
    }
  }
}

// Of each class the place of its word.
std::vector<std::size_t> deal(const Words& words, const torch::Tensor& pull, std::int64_t bits, Rng& rng) {
  const std::size_t count = words.count();
  std::vector<std::size_t> place(count);
  std::iota(place.begin(), place.end(), std::size_t{0});
  if (count < 2) return place;
  std::vector<double> distance(count * count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j)
      distance[i * count + j] = Words::distance(words.row(i), words.row(j)) / static_cast<double>(bits);
  const auto strengths = pull.to(torch::kFloat64).contiguous();
  const std::span strength(strengths.data_ptr<double>(), count * count);
  double cost = 0;
  for (std::size_t i = 0; i < count * count; ++i) cost += strength[i] * distance[i];
  const double heat = cost * kFirstHeat;
  for (int swap = 0; swap < kSwaps; ++swap) {
    const std::size_t a = rng.below(count);
    const std::size_t b = rng.below(count);
    const double chance = rng.uniform();
    if (a == b) continue;
    double change = 0;
    for (std::size_t j = 0; j < count; ++j) {
      if (j == a || j == b) continue;
      const double more = strength[a * count + j] - strength[b * count + j];
      change += more * (distance[place[b] * count + place[j]] - distance[place[a] * count + place[j]]);
    }
    const double left = heat * (1 - static_cast<double>(swap) / kSwaps) + 1e-12;
    if (change < 0 || chance < std::exp(-2 * change / left)) std::swap(place[a], place[b]);
  }
  return place;
}

}  // namespace

torch::Tensor class_pull(const torch::Tensor& features, const torch::Tensor& labels, double sharpness) {
  TORCH_CHECK(features.dim() == 2 && labels.dim() == 2 && features.size(0) == labels.size(0), "features ",
              features.sizes(), " and labels ", labels.sizes());
  const auto counts = labels.sum(0);
  const auto means = unit_rows(labels.t().mm(features) / counts.clamp_min(1).unsqueeze(1));
  const auto size = counts.sqrt();
  auto pull = (sharpness * means.mm(means.t())).exp() * size.unsqueeze(1) * size.unsqueeze(0);
  return pull.fill_diagonal_(0);
}

torch::Tensor class_code_words(const torch::Tensor& pull, std::int64_t bits, Rng& rng) {
  TORCH_CHECK(pull.dim() == 2 && pull.size(0) == pull.size(1) && bits >= 1, "pull ", pull.sizes(), ", bits ", bits);
  Words words(static_cast<std::size_t>(pull.size(0)), static_cast<std::size_t>(bits), rng);
  if (words.count() > 1) spread(words, rng);
  const auto place = deal(words, pull, bits, rng);
  auto result = torch::empty({pull.size(0), bits}, torch::kFloat32);
  auto* values = result.data_ptr<float>();
  for (const std::size_t word : place)
    for (std::size_t k = 0; k < static_cast<std::size_t>(bits); ++k) *values++ = words.bit(word, k) ? 1.0F : -1.0F;
  return result;
}

}  // namespace warifu
