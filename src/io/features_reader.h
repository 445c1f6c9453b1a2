#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// Items that are features and nothing else: options.image_features and/or text_features (NPY, one
// row an item), options.ids (one id a line; without it "image:1" after the array's name) and
// options.labels (one line an item, values separated by tabs, or by commas in a line without tabs,
// column "label"; an empty line is an item without labels).
//
// `path` may be empty, or a folder in which "ids.txt" and "labels.txt" are looked for where they
// were not named, or an NPY file that stands for options.image_features. Numbers of rows and lines
// that differ are kBadFormat with both.
Result<std::unique_ptr<RecordReader>> open_features(const std::filesystem::path& path, const SourceOptions& options);

}  // namespace warifu
