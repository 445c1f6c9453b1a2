// Holds every set of block kernels that this processor runs against plain loops. The first eight bytes of the input
// choose the length of codes, how many are wanted, how near, which may be found, and what is scanned; the rest are
// filter words, a query and codes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "codes/block_kernels.h"
#include "codes/hamming.h"

namespace {

using warifu::BlockKernels;
using warifu::BlockRange;
using warifu::Candidate;

constexpr std::size_t kHead = 8;

// One input, read.
struct Case {
  warifu::CodeMatrix query;
  warifu::CodeBlocks blocks;
  std::vector<std::uint32_t> distances;  // of each code, one by one
  std::vector<std::uint64_t> allowed;    // empty: all
  std::size_t k = 1;
  std::uint32_t limit = 1;
  BlockRange range;
};

void expect(bool right) {
  if (!right) std::abort();
}

// Takes a code from the front of `bytes`.
void take_code(std::span<const std::uint8_t>& bytes, std::size_t bits, std::span<std::uint64_t> code) {
  const std::size_t size = (bits + 7) / 8;
  for (std::size_t p = 0; p < size; ++p) code[p / 8] |= std::uint64_t{bytes[p]} << (8 * (p % 8));
  if (bits % 64 != 0) code.back() &= (std::uint64_t{1} << (bits % 64)) - 1;
  bytes = bytes.subspan(size);
}

Case read_case(std::span<const std::uint8_t> bytes) {
  const auto head = bytes.first(kHead);
  bytes = bytes.subspan(kHead);
  const std::size_t bits = 1 + (head[0] | std::size_t{head[1]} << 8) % 1300;
  Case given{warifu::CodeMatrix(1, bits), {}, {}, {}, 1, 1, {}};
  given.k = head[2] == 255 ? warifu::NearestCollector::kAll : std::size_t{1} + head[2];
  given.limit = static_cast<std::uint32_t>((head[3] | std::size_t{head[4]} << 8) % (bits + 2));
  std::vector<std::uint64_t> words;
  if (head[5] % 2 == 1) {
    words.resize(std::min<std::size_t>(1 + head[6] % 8, bytes.size() / 8));
    if (!words.empty()) std::memcpy(words.data(), bytes.data(), 8 * words.size());
    bytes = bytes.subspan(8 * words.size());
  }
  const std::size_t size = (bits + 7) / 8;
  if (bytes.size() >= size) take_code(bytes, bits, given.query.row(0));
  warifu::CodeMatrix codes(bytes.size() / size, bits);
  for (std::size_t i = 0; i < codes.count(); ++i) {
    take_code(bytes, bits, codes.row(i));
    given.distances.push_back(warifu::hamming_distance(given.query.row(0), codes.row(i)));
  }
  given.blocks = warifu::CodeBlocks(codes);
  const std::size_t blocks = given.blocks.view().blocks();
  if (!words.empty())
    for (std::size_t b = 0; b < blocks; ++b) given.allowed.push_back(words[b % words.size()]);
  given.range = {given.blocks.view(), head[7] % (blocks + 1), blocks, nullptr};
  if (!given.allowed.empty()) given.range.allowed = given.allowed.data() + given.range.first;
  return given;
}

std::vector<Candidate> nearest_by_sorting(const Case& given) {
  std::vector<Candidate> near;
  for (std::size_t i = 64 * given.range.first; i < given.distances.size(); ++i)
    if (given.distances[i] < given.limit && (given.allowed.empty() || (given.allowed[i / 64] >> (i % 64) & 1) != 0))
      near.push_back({given.distances[i], static_cast<std::uint32_t>(i)});
  std::ranges::sort(near);
  near.resize(std::min(given.k, near.size()));
  return near;
}

void check_nearest(const BlockKernels& kernels, const Case& given, const std::uint32_t* query) {
  // Five: four share a pass, the last is by itself.
  constexpr std::size_t kQueries = 5;
  std::vector<warifu::NearestCollector> collectors(kQueries, warifu::NearestCollector(given.k, given.limit));
  const std::vector<const std::uint32_t*> queries(kQueries, query);
  std::vector<warifu::NearestCollector*> pointers;
  for (warifu::NearestCollector& collector : collectors) pointers.push_back(&collector);
  kernels.nearest(given.range, queries.data(), pointers.data(), kQueries);
  const std::vector<Candidate> expected = nearest_by_sorting(given);
  for (warifu::NearestCollector& collector : collectors) expect(collector.nearest() == expected);
}

void check_distances(const BlockKernels& kernels, const Case& given, const std::uint32_t* query) {
  const std::size_t first = 64 * given.range.first;
  const std::size_t lanes = 64 * (given.range.last - given.range.first);
  std::vector<std::uint16_t> words(lanes);
  kernels.distances(given.range, query, words.data());
  std::vector<std::uint8_t> bytes(lanes);
  kernels.byte_distances(given.range, query, bytes.data());
  for (std::size_t i = first; i < given.distances.size(); ++i) {
    expect(words[i - first] == given.distances[i]);
    expect(bytes[i - first] == std::min<std::uint32_t>(given.distances[i], 255));
  }
}

// The input's bytes themselves are counted and taken where the input, from its middle on, is not 0.
void check_bytes(const BlockKernels& kernels, std::span<const std::uint8_t> bytes) {
  const std::size_t count = bytes.size() / 2;
  const auto values = bytes.first(count);
  const auto keep = bytes.subspan(count, count);
  std::vector<std::uint8_t> expected;
  std::uint8_t marks = 0;
  std::vector<std::uint32_t> expected_counts(256);
  for (std::size_t i = 0; i < count; ++i) {
    if (keep[i] != 0) expected.push_back(values[i]);
    marks |= keep[i];
    ++expected_counts[values[i]];
  }
  std::vector<std::uint8_t> taken(count + 64);
  const warifu::TakenBytes found = kernels.take_where(values.data(), keep.data(), count, taken.data());
  taken.resize(found.count);
  expect(taken == expected && found.marks == marks);

  const std::uint8_t most = values.empty() ? 0 : std::ranges::max(values);
  expected_counts.resize(std::size_t{most} + 1);
  std::vector<std::uint32_t> counts(expected_counts.size());
  std::vector<std::uint16_t> pairs(warifu::kBytePairs);
  kernels.count_bytes(values.data(), count, most, counts.data(), pairs.data());
  expect(counts == expected_counts);
  expect(std::ranges::all_of(pairs, [](std::uint16_t pair) { return pair == 0; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHead) return 0;
  const std::span bytes(data, size);
  const Case given = read_case(bytes);
  const auto query = warifu::query_planes(given.query.row(0), given.blocks.view().bits);
  for (const BlockKernels& kernels : warifu::block_kernels()) {
    if (!kernels.runs_here()) continue;
    check_nearest(kernels, given, query.data());
    check_distances(kernels, given, query.data());
    check_bytes(kernels, bytes);
  }
  return 0;
}
