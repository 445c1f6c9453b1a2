// Attacks the reader of FAISS's binary indexes (docs/reference/formats/faiss-binary.md). What is
// accepted must be written back to codes and rows that are the same, and to the same bytes where
// the input is one that this program writes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "segments/faiss_file.h"

namespace {

using Bytes = std::vector<std::byte>;

void require(bool holds) {
  if (!holds) std::abort();
}

// FAISS may write a map as its second kind and with a code size; this program writes neither.
Bytes as_written_here(Bytes map) {
  std::memcpy(map.data(), "IBMp", 4);
  std::fill_n(map.begin() + 8, 4, std::byte{0});
  return map;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  const Bytes bytes(input.begin(), input.end());
  const auto read = warifu::parse_faiss(bytes);
  if (!read) {
    require(!read.error().message.empty());
    return 0;
  }
  require(read->rows.size() == read->codes.count() && read->codes.bits() % 8 == 0);
  const bool is_map = std::memcmp(bytes.data(), "IBM", 3) == 0;
  const auto again =
      is_map ? warifu::faiss_id_map_bytes(read->rows, read->codes) : warifu::faiss_flat_bytes(read->codes);
  require(again && *again == (is_map ? as_written_here(bytes) : bytes));
  return 0;
}
