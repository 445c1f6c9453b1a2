// Attacks the reader of code segments (docs/reference/formats/code-segment.md). A checksum stops
// nearly every mutation at the door, so each input is also tried with its checksums made right, as
// a forger would; what is then accepted must be written back to the same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "base/hash.h"
#include "index/code_segment.h"

namespace {

using Bytes = std::vector<std::byte>;

template <typename Number>
Number number_at(const Bytes& bytes, std::size_t offset) {
  Number value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

void put_crc(Bytes& bytes, std::size_t at, std::uint64_t offset, std::uint64_t length) {
  if (at + 4 > bytes.size() || offset > bytes.size() || length > bytes.size() - offset) return;
  const std::uint32_t crc = warifu::crc32c(std::span(bytes).subspan(offset, length));
  std::memcpy(bytes.data() + at, &crc, sizeof(crc));
}

void repair_checksums(Bytes& bytes) {
  constexpr std::size_t kFixedBytes = 88;
  if (bytes.size() < kFixedBytes) return;
  put_crc(bytes, 80, number_at<std::uint64_t>(bytes, 48), number_at<std::uint64_t>(bytes, 56));
  put_crc(bytes, 84, number_at<std::uint64_t>(bytes, 64), number_at<std::uint64_t>(bytes, 72));
  const auto header_bytes = number_at<std::uint32_t>(bytes, 12);
  if (header_bytes >= kFixedBytes + 4) put_crc(bytes, header_bytes - 4, 0, header_bytes - 4);
}

void read_and_write_back(const Bytes& bytes) {
  const auto segment = warifu::parse_code_segment(bytes);
  if (!segment) return;
  const auto again = warifu::code_segment_bytes(*segment);
  if (!again || *again != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  Bytes bytes(input.begin(), input.end());
  read_and_write_back(bytes);
  repair_checksums(bytes);
  read_and_write_back(bytes);
  return 0;
}
