#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace warifu {

// Names content by its bytes: 32 lower-case hex digits of BLAKE2b-128 (libsodium). Equal bytes,
// equal name; used for weights, vocabularies and pictures.
std::string content_hash(std::span<const std::byte> bytes);
std::string content_hash(std::string_view text);

// The hash of a file's bytes, read in pieces. kNotFound, or kIo with the system's reason.
Result<std::string> file_hash(const std::filesystem::path& path);

// CRC-32C (Castagnoli) of `bytes`, continuing from `crc`; hardware instruction where there is one.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0);

}  // namespace warifu
