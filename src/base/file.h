#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// The whole file. kNotFound if there is none; kInvalidArgument if it is larger than `max_bytes`
// (a directory is kInvalidArgument too); kIo with the system's reason otherwise.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::size_t max_bytes);
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

// Replaces `path` by `bytes` in one step (temporary file beside it, fsync, rename): a reader, or a
// crash at any moment, sees the old file or the new one and never a part.
Result<void> write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace warifu
