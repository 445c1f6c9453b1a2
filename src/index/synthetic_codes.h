#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "codes/code_matrix.h"

// Codes to measure search on, when there is no collection at hand. Drawn with base/rng.h on all threads; the same seed
// gives the same codes on every machine and with any number of threads.
namespace warifu {

enum class SyntheticData {
  kUniform,    // every bit fair: nothing is near, no index can prune
  kClustered,  // like learned codes, with duplicates and ties
};

// "uniform" or "clustered", as flags and JSON write them; kInvalidArgument otherwise.
const char* synthetic_data_name(SyntheticData data);
Result<SyntheticData> parse_synthetic_data(std::string_view name);

struct SyntheticCodes {
  CodeMatrix items;
  CodeMatrix queries;  // further items of the same draw, which are not among `items`
};

// bits: 1 … kMaxCodeBits. The same `bits` and `seed` give the same distribution for any counts.
//
// Clustered: 80 labels have a code of fair bits each. 2,000 combinations of 1 to 4 labels have the majority of their
// bits, ties by lot, as their centre; the g-th is as frequent as 1 / g (Zipf). An item is the centre of a combination
// with bits flipped: bit b with probability 0.01 + 0.17 u^3, u fair in [0, 1) and the same for all items, so that some
// bits are far less reliable than others. Short codes then repeat a lot, as those of supervised hashing do: of a
// million about one in four is distinct at 32 bits, two to five in six at 64.
SyntheticCodes draw_codes(SyntheticData data, std::size_t items, std::size_t queries, std::size_t bits,
                          std::uint64_t seed);

// `count` codes, each one of `codes` (at least one) drawn at random with every bit flipped with `flip_probability`
// (0 … 1): a large collection after a small one that a model has learned.
CodeMatrix noisy_copies(const CodeMatrix& codes, std::size_t count, double flip_probability, std::uint64_t seed);

}  // namespace warifu
