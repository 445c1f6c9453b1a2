#include "text/hashed_words.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <string>

#include "base/rng.h"
#include "text/normalize.h"

namespace warifu {

void hash_words(std::string_view text, std::span<float> out) {
  assert(out.size() == kHashedWords && "hashed words fill exactly kHashedWords entries");
  std::fill(out.begin(), out.end(), 0.0F);
  for (const std::string& word : split_words(text)) {
    std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a, then mixed
    for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    out[Rng(hash).next() % kHashedWords] = 1;
  }
}

}  // namespace warifu
