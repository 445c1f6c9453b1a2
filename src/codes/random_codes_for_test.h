#pragma once

#include <algorithm>
#include <cstddef>

#include "base/rng.h"
#include "codes/code_matrix.h"

namespace warifu {

// Codes of fair random bits.
inline CodeMatrix random_codes(std::size_t count, std::size_t bits, Rng& rng) {
  CodeMatrix codes(count, bits);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::uint64_t& word : codes.row(i)) word = rng.next();
    if (bits % 64 != 0) codes.row(i).back() &= (std::uint64_t{1} << (bits % 64)) - 1;
  }
  return codes;
}

// Drawn from `distinct` codes: heavy ties and duplicates where they are few.
inline CodeMatrix repeated_codes(std::size_t count, std::size_t bits, std::size_t distinct, Rng& rng) {
  const CodeMatrix pool = random_codes(distinct, bits, rng);
  CodeMatrix codes(count, bits);
  for (std::size_t i = 0; i < count; ++i) std::ranges::copy(pool.row(rng.below(distinct)), codes.row(i).begin());
  return codes;
}

}  // namespace warifu
