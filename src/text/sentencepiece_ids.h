#pragma once

#include <cstddef>

// What the vocabulary trainer and the tokenizer agree on. Not included outside text/.
namespace warifu {

inline constexpr int kPadId = 0;
inline constexpr int kUnknownId = 1;
inline constexpr int kEndId = 2;
inline constexpr std::size_t kFixedPieces = 256 + 3;  // the bytes and the three above

}  // namespace warifu
