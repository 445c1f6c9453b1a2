#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace warifu {

// A text feature without a vocabulary: each word of split_words sets the entry that its hash names, to 1. So words that
// no training text had have a place, too, which a method that learns new categories later needs. Two words may share
// one: of 2,600 words in 4,096 entries about every fourth does. Thread safety: reentrant.
//
// Source: K. Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009, without signs.
inline constexpr std::size_t kHashedWords = 4096;

// out: kHashedWords zeros and ones.
void hash_words(std::string_view text, std::span<float> out);

}  // namespace warifu
