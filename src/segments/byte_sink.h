#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/error.h"

namespace warifu {

// Takes the bytes of a file piece by piece: into a file, into memory, into a checksum.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;

}  // namespace warifu
