#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// Numbers to bytes and back for the files of a code store. Internal to segments/.
namespace warifu {

static_assert(std::endian::native == std::endian::little, "numbers are copied between memory and file as they are");

class StoreBytesWriter {
 public:
  template <typename Number>
  void put(Number number) {
    append(std::as_bytes(std::span(&number, 1)));
  }
  void put(std::string_view text) { append(std::as_bytes(std::span(text))); }
  // What open_store_bytes() reads: letters and version in front, a checksum at the end.
  void begin(std::string_view magic);
  std::vector<std::byte> close();
  // Zeros up to a multiple of 8.
  void pad() { bytes_.resize((bytes_.size() + 7) / 8 * 8); }

 private:
  // Not by insert(): GCC 12 takes it for writing behind the end.
  void append(std::span<const std::byte> more) {
    bytes_.resize(bytes_.size() + more.size());
    std::ranges::copy(more, bytes_.end() - static_cast<std::ptrdiff_t>(more.size()));
  }

  std::vector<std::byte> bytes_;
};

// Reads what was written, never past the end: what is not there reads as zeros, and ok() is false from then on.
class StoreBytesReader {
 public:
  explicit StoreBytesReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  std::size_t left() const { return bytes_.size() - at_; }
  std::size_t at() const { return at_; }

  template <typename Number>
  Number take() {
    Number number{};
    const auto bytes = next(sizeof(Number));
    if (!bytes.empty()) std::memcpy(&number, bytes.data(), sizeof(Number));
    return number;
  }
  std::string take_text(std::size_t length) {
    const auto bytes = next(length);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::span<const std::byte> next(std::size_t length) {
    if (!ok_ || length > left()) {
      ok_ = false;
      return {};
    }
    at_ += length;
    return bytes_.subspan(at_ - length, length);
  }
  // Whether up to the next multiple of 8 there are zeros.
  void skip_padding() {
    const auto zeros = next((8 - at_ % 8) % 8);
    if (std::ranges::any_of(zeros, [](std::byte b) { return b != std::byte{0}; })) ok_ = false;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// kBadFormat with the hint for a damaged store.
Fail damaged_store(std::string message);

// What lies between version and checksum of a file, if both are right. `what` names it in messages: kBadFormat, or
// kIncompatible for a newer version.
Result<StoreBytesReader> open_store_bytes(std::span<const std::byte> bytes, std::string_view magic,
                                          std::string_view what);

// The checksum at the end of such a file, which stands for all of it.
std::uint32_t store_bytes_identity(std::span<const std::byte> bytes);

}  // namespace warifu
