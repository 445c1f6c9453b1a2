#include "index/synthetic_codes.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"

namespace warifu {
namespace {

constexpr std::size_t kLabels = 80;
constexpr std::size_t kCombinations = 2000;
constexpr std::size_t kMaxLabels = 4;  // of a combination

// What is drawn from one seed, each from a stream of its own.
enum class Part : std::uint64_t { kSpace, kItems, kQueries, kCopies };

// A stream for part of the codes, independent of how many others there are.
Rng stream(std::uint64_t seed, Part part, std::uint64_t number) {
  Rng of_seed(seed);
  Rng of_part(of_seed.next() + static_cast<std::uint64_t>(part));
  return Rng(Rng(of_part.next() + number).next());
}

// Fills codes in pieces, each by draw(code, rng) from the stream of its own.
template <typename Draw>
CodeMatrix draw_rows(std::size_t count, std::size_t bits, std::uint64_t seed, Part part, const Draw& draw) {
  constexpr std::size_t kPiece = 4096;
  CodeMatrix codes(count, bits);
  parallel_for((count + kPiece - 1) / kPiece, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t piece = begin; piece < end; ++piece) {
      Rng rng = stream(seed, part, piece);
      for (std::size_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i) draw(codes.row(i), rng);
    }
  });
  return codes;
}

void draw_fair_bits(std::span<std::uint64_t> code, std::size_t bits, Rng& rng) {
  for (std::uint64_t& word : code) word = rng.next();
  if (bits % 64 != 0) code.back() &= (std::uint64_t{1} << (bits % 64)) - 1;
}

// A probability in [0, 1) as a threshold for 32 fair bits.
std::uint32_t threshold(double probability) {
  return static_cast<std::uint32_t>(std::min(probability * 0x1p32, 0x1p32 - 1));
}

// Flips bit b with probability thresholds[b] / 2^32. Two bits from each number drawn.
void flip_bits(std::span<std::uint64_t> code, std::span<const std::uint32_t> thresholds, Rng& rng) {
  for (std::size_t w = 0; w < code.size(); ++w) {
    const std::size_t bits = std::min<std::size_t>(64, thresholds.size() - 64 * w);
    std::uint64_t flips = 0;
    for (std::size_t b = 0; b < bits; b += 2) {
      const std::uint64_t drawn = rng.next();
      flips |= std::uint64_t{static_cast<std::uint32_t>(drawn) < thresholds[64 * w + b]} << b;
      if (b + 1 < bits) flips |= std::uint64_t{(drawn >> 32) < thresholds[64 * w + b + 1]} << (b + 1);
    }
    code[w] ^= flips;
  }
}

class ClusteredCodes {
 public:
  ClusteredCodes(std::size_t bits, std::uint64_t seed) : centres_(kCombinations, bits), thresholds_(bits) {
    Rng rng = stream(seed, Part::kSpace, bits);
    draw_centres(bits, rng);
    double sum = 0;
    for (std::size_t g = 0; g < kCombinations; ++g) frequencies_.push_back(sum += 1.0 / static_cast<double>(g + 1));
    for (std::uint32_t& flip : thresholds_) {
      const double u = rng.uniform();
      flip = threshold(0.01 + 0.17 * u * u * u);
    }
  }

  CodeMatrix draw(std::size_t count, std::uint64_t seed, Part part) const {
    return draw_rows(count, centres_.bits(), seed, part, [&](std::span<std::uint64_t> code, Rng& rng) {
      const double place = rng.uniform() * frequencies_.back();
      const auto g = std::ranges::upper_bound(frequencies_, place) - frequencies_.begin();
      std::ranges::copy(centres_.row(std::min<std::size_t>(static_cast<std::size_t>(g), kCombinations - 1)),
                        code.begin());
      flip_bits(code, thresholds_, rng);
    });
  }

 private:
  void draw_centres(std::size_t bits, Rng& rng) {
    CodeMatrix labels(kLabels, bits);
    for (std::size_t label = 0; label < kLabels; ++label) draw_fair_bits(labels.row(label), bits, rng);
    for (std::size_t g = 0; g < kCombinations; ++g) {
      std::array<std::size_t, kMaxLabels> chosen{};
      const std::size_t count = 1 + rng.below(kMaxLabels);
      for (std::size_t i = 0; i < count; ++i) chosen[i] = rng.below(kLabels);
      for (std::size_t b = 0; b < bits; ++b) {
        std::size_t ones = 0;
        for (std::size_t i = 0; i < count; ++i) ones += labels.bit(chosen[i], b) ? 1 : 0;
        const bool one = 2 * ones == count ? rng.below(2) == 1 : 2 * ones > count;
        centres_.row(g)[b / 64] |= std::uint64_t{one} << (b % 64);
      }
    }
  }

  CodeMatrix centres_;                     // [combination]
  std::vector<double> frequencies_;        // added up
  std::vector<std::uint32_t> thresholds_;  // [bit], of flipping it
};

}  // namespace

const char* synthetic_data_name(SyntheticData data) {
  switch (data) {
    case SyntheticData::kUniform:
      return "uniform";
    case SyntheticData::kClustered:
      return "clustered";
  }
  return "?";
}

Result<SyntheticData> parse_synthetic_data(std::string_view name) {
  for (const SyntheticData data : {SyntheticData::kUniform, SyntheticData::kClustered})
    if (name == synthetic_data_name(data)) return data;
  return fail(ErrorCode::kInvalidArgument, "no data to measure on is called '" + std::string(name) + "'",
              "use uniform or clustered");
}

SyntheticCodes draw_codes(SyntheticData data, std::size_t items, std::size_t queries, std::size_t bits,
                          std::uint64_t seed) {
  assert(bits >= 1 && bits <= kMaxCodeBits && "a length of codes");
  if (data == SyntheticData::kClustered) {
    const ClusteredCodes clustered(bits, seed);
    return {clustered.draw(items, seed, Part::kItems), clustered.draw(queries, seed, Part::kQueries)};
  }
  const auto fair = [&](std::span<std::uint64_t> code, Rng& rng) { draw_fair_bits(code, bits, rng); };
  return {draw_rows(items, bits, seed, Part::kItems, fair), draw_rows(queries, bits, seed, Part::kQueries, fair)};
}

CodeMatrix noisy_copies(const CodeMatrix& codes, std::size_t count, double flip_probability, std::uint64_t seed) {
  assert(codes.count() > 0 && flip_probability >= 0 && flip_probability <= 1 && "codes to copy, and a probability");
  const std::vector<std::uint32_t> thresholds(codes.bits(), threshold(flip_probability));
  return draw_rows(count, codes.bits(), seed, Part::kCopies, [&](std::span<std::uint64_t> code, Rng& rng) {
    std::ranges::copy(codes.row(rng.below(codes.count())), code.begin());
    flip_bits(code, thresholds, rng);
  });
}

}  // namespace warifu
