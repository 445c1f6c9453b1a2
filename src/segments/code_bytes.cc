#include "segments/code_bytes.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace warifu {

static_assert(std::endian::native == std::endian::little, "the bytes of a word are the bytes of a code in their order");

std::vector<std::uint8_t> code_bytes(const CodeMatrix& codes, std::size_t begin, std::size_t end) {
  const std::size_t bytes_per_code = (codes.bits() + 7) / 8;
  std::vector<std::uint8_t> bytes((end - begin) * bytes_per_code);
  if (bytes.empty()) return bytes;
  for (std::size_t i = begin; i < end; ++i)
    std::memcpy(bytes.data() + (i - begin) * bytes_per_code, codes.row(i).data(), bytes_per_code);
  return bytes;
}

CodeMatrix codes_from_bytes(std::span<const std::uint8_t> bytes, std::size_t bits) {
  const std::size_t bytes_per_code = (bits + 7) / 8;
  assert(bits > 0 && bytes.size() % bytes_per_code == 0 && "whole codes");
  CodeMatrix codes(bytes.size() / bytes_per_code, bits);
  for (std::size_t i = 0; i < codes.count(); ++i)
    std::memcpy(codes.row(i).data(), bytes.data() + i * bytes_per_code, bytes_per_code);
  return codes;
}

}  // namespace warifu
