#include "codes/hamming.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/rng.h"
#include "codes/hamming_kernels.h"

namespace warifu {
namespace {

// The plain loop that every kernel must agree with: it compares bit by bit.
std::uint16_t distance_bit_by_bit(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) {
  std::uint16_t differing = 0;
  for (std::size_t w = 0; w < a.size(); ++w)
    for (std::uint64_t bits = a[w] ^ b[w]; bits != 0; bits >>= 1)
      differing = static_cast<std::uint16_t>(differing + (bits & 1U));
  return differing;
}

CodeMatrix random_codes(std::size_t count, std::size_t bits, Rng& rng) {
  CodeMatrix codes(count, bits);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::uint64_t& word : codes.row(i)) word = rng.next();
    if (bits % 64 != 0) codes.row(i).back() &= (std::uint64_t{1} << (bits % 64)) - 1;
  }
  return codes;
}

TEST(HammingDistances, CountTheDifferingBits) {
  const CodeMatrix codes(4, 70, {0, 0, 0b1011, 0, ~0ULL, 0x3F, 1ULL << 63, 1});
  std::vector<std::uint16_t> distances(4);
  hamming_distances(std::vector<std::uint64_t>{0b1000, 0b1}, codes, distances);
  EXPECT_EQ(distances, (std::vector<std::uint16_t>{2, 3, 68, 2}));
}

TEST(HammingKernels, AllAgreeWithThePlainLoopForEveryWidthAndCount) {
  Rng rng(20261122);
  std::size_t tried = 0;
  for (const HammingKernelEntry& entry : hamming_kernels()) {
    if (!entry.runs_here()) continue;
    ++tried;
    for (const std::size_t bits : {1, 16, 32, 63, 64, 65, 128, 150, 192, 256, 300, 384, 448, 512, 513, 1000, 4096})
      for (const std::size_t count : {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 61}) {
        const CodeMatrix codes = random_codes(count, bits, rng);
        const CodeMatrix query = random_codes(1, bits, rng);
        // Exactly as many as are asked for, so that the sanitizers see a write behind the end.
        const auto distances = std::make_unique<std::uint16_t[]>(count);
        entry.kernel(query.words().data(), codes.words().data(), codes.words_per_code(), count, distances.get());
        for (std::size_t i = 0; i < count; ++i)
          ASSERT_EQ(distances[i], distance_bit_by_bit(query.row(0), codes.row(i)))
              << entry.name << ", " << bits << " bits, code " << i << " of " << count;
      }
  }
  EXPECT_GE(tried, 1U);
}

TEST(HammingKernels, ReachTheLargestDistanceOfTheLongestCode) {
  for (const HammingKernelEntry& entry : hamming_kernels()) {
    if (!entry.runs_here()) continue;
    CodeMatrix ones(1, kMaxCodeBits);
    for (std::uint64_t& word : ones.row(0)) word = ~0ULL;
    ones.row(0).back() >>= 1;  // 65,535 bits leave one bit of padding
    const CodeMatrix zeros(1, kMaxCodeBits);
    std::uint16_t distance = 0;
    entry.kernel(ones.words().data(), zeros.words().data(), zeros.words_per_code(), 1, &distance);
    EXPECT_EQ(distance, kMaxCodeBits) << entry.name;
  }
}

TEST(HammingKernels, EndWithOneThatRunsEverywhereAndTheChosenOneIsTheFirstThatRunsHere) {
  EXPECT_EQ(hamming_kernels().back().name, "portable");
  for (const HammingKernelEntry& entry : hamming_kernels()) {
    if (!entry.runs_here()) continue;
    EXPECT_EQ(hamming_kernel_name(), entry.name);
    break;
  }
}

TEST(HammingDistances, OfARunOfRowsAreThoseOfTheWholeMatrix) {
  Rng rng(3);
  const CodeMatrix codes = random_codes(101, 128, rng);
  const CodeMatrix query = random_codes(1, 128, rng);
  std::vector<std::uint16_t> whole(101);
  hamming_distances(query.row(0), codes, whole);
  std::vector<std::uint16_t> part(37);
  hamming_distances(query.row(0), codes.rows(13, 50), part);
  EXPECT_EQ(part, std::vector<std::uint16_t>(whole.begin() + 13, whole.begin() + 50));
}

TEST(HammingDistances, OfNoCodesWriteNothing) {
  hamming_distances(std::vector<std::uint64_t>{1}, CodeMatrix(0, 16), {});
  hamming_distances({}, CodeMatrix(), {});
}

}  // namespace
}  // namespace warifu
