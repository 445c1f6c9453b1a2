#pragma once

#include <cstddef>
#include <filesystem>

#include "base/error.h"

// Second files like a first one, for code stores. Internal to segments/.
namespace warifu {

// The first `bytes` of a file as a new durable file; its name is durable when the folder is synced.
// kIo, also where `from` is shorter or `to` exists; then a part of it may be there.
Result<void> copy_durably(const std::filesystem::path& from, const std::filesystem::path& to, std::size_t bytes);

// A second name where the file system has such, else a copy: for a file that is never written to again.
Result<void> link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace warifu
