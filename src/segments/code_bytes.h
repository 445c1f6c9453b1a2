#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codes/code_matrix.h"

// Codes as other programs keep them: rows of (bits + 7) / 8 bytes, one after the other. Bit k of a code is bit k % 8
// of its byte k / 8, the least significant first (numpy.packbits with bitorder='little').
namespace warifu {

// Bytes of the codes of positions begin … end - 1.
std::vector<std::uint8_t> code_bytes(const CodeMatrix& codes, std::size_t begin, std::size_t end);

// bytes.size() is a multiple of (bits + 7) / 8. Bits behind the last one of a code are taken as they are.
CodeMatrix codes_from_bytes(std::span<const std::uint8_t> bytes, std::size_t bits);

}  // namespace warifu
