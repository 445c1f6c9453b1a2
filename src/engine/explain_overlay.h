#pragma once

#include <optional>

#include "base/error.h"
#include "base/image.h"
#include "engine/explain.h"

namespace warifu {

// The picture with a side's patches laid over it: blue where they pull the codes together, orange where they push them
// apart, the stronger the more; named patches have a border. `picture` in the shape that people see.
Image draw_patches(const Image& picture, const ExplainedSide& side);

// Both pictures of an explanation side by side, the query's to the left; those that are not there left out.
// kInvalidArgument where neither side was explained by its picture.
Result<Image> draw_explanation(const Explanation& explanation, const PictureAs& query_picture,
                               const PictureAs& item_picture);

}  // namespace warifu
