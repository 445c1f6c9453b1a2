#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "io/mat_variable.h"

namespace warifu {

// Which variable of a MATLAB data set plays which part.
struct MatLayout {
  std::optional<MatVariable> names;           // text: a picture's file name or an id for each item
  std::optional<MatVariable> pixels;          // the pictures themselves
  std::optional<MatVariable> image_features;  // numbers
  std::optional<MatVariable> labels;  // numbers: one column a class (not 0: belongs), or one number an item; or text
  std::optional<MatVariable> class_names;    // text: one for each label column
  std::optional<MatVariable> text_features;  // numbers, e.g. a bag of words
  std::optional<MatVariable> texts;          // captions
  std::uint64_t items = 0;
};

// Parts are told by what a variable's name says ("LAll", "category": labels; "YAll", "tags",
// "caption": text; "FAll", "imgs", "index": pictures), else by what its file's name says, else by
// type: characters are names, small integers of at most 1,024 columns labels. Variables that say nothing
// are passed over.
//
// kBadFormat: no variable with a part; two for the same part; row counts that differ (the message names both).
Result<MatLayout> find_mat_layout(std::span<const MatVariable> variables);

}  // namespace warifu
