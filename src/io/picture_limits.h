#pragma once

#include <cstddef>
#include <string>

#include "io/image_file.h"

namespace warifu {

// What can be said of a picture's bytes before anybody looks into them.
inline Result<void> check_picture_bytes(std::size_t bytes, const ImageLimits& limits) {
  if (bytes == 0) return fail(ErrorCode::kBadFormat, "the file is empty (0 bytes)", "copy or download it again");
  if (bytes > limits.max_bytes)
    return fail(ErrorCode::kInvalidArgument,
                std::to_string(bytes) + " bytes, the limit is " + std::to_string(limits.max_bytes),
                "make the picture smaller or raise the limit");
  return {};
}

}  // namespace warifu
