#include "segments/store_bytes.h"

#include <utility>

#include "base/hash.h"

namespace warifu {
namespace {

constexpr std::uint32_t kVersion = 1;

}  // namespace

void StoreBytesWriter::begin(std::string_view magic) {
  put(magic);
  put(kVersion);
  put(std::uint32_t{0});
}

std::vector<std::byte> StoreBytesWriter::close() {
  put(crc32c(bytes_));
  return std::move(bytes_);
}

Fail damaged_store(std::string message) {
  return fail(ErrorCode::kBadFormat, std::move(message),
              "run 'warifu doctor': it keeps what is intact and says what is lost");
}

Result<StoreBytesReader> open_store_bytes(std::span<const std::byte> bytes, std::string_view magic,
                                          std::string_view what) {
  const std::string name(what);
  if (bytes.size() < magic.size() + 12) return damaged_store(name + ": " + std::to_string(bytes.size()) + " bytes");
  const std::size_t checked = bytes.size() - sizeof(std::uint32_t);
  StoreBytesReader reader(bytes.first(checked));
  if (reader.take_text(magic.size()) != magic) return damaged_store(name + ": it does not begin with its letters");
  const auto version = reader.take<std::uint32_t>();
  StoreBytesReader end(bytes.subspan(checked));
  if (end.take<std::uint32_t>() != crc32c(bytes.first(checked)))
    return damaged_store(name + ": its checksum does not match");
  if (version > kVersion)
    return fail(ErrorCode::kIncompatible,
                name + ": version " + std::to_string(version) + "; this program knows versions up to " +
                    std::to_string(kVersion),
                "update warifu");
  if (version != kVersion) return damaged_store(name + ": version 0 does not exist");
  if (reader.take<std::uint32_t>() != 0) return damaged_store(name + ": a gap is not zero");
  return reader;
}

std::uint32_t store_bytes_identity(std::span<const std::byte> bytes) {
  StoreBytesReader end(bytes.last(sizeof(std::uint32_t)));
  return end.take<std::uint32_t>();
}

}  // namespace warifu
