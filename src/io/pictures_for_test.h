#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "io/image_file.h"

namespace warifu {

inline const ImageLimits kLimits;

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

}  // namespace warifu
