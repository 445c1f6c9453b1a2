#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// Bytes of one element of a safetensors type ("F32": 4); kBadFormat lists the known types.
Result<std::size_t> tensor_element_bytes(std::string_view dtype);

// Bytes of a tensor; kBadFormat for a negative size, a product beyond 2^62, or an unknown type.
Result<std::size_t> tensor_bytes(std::string_view dtype, std::span<const std::int64_t> shape);

}  // namespace warifu
