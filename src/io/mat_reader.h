#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// A data set as the cross-modal hashing field passes it round: one .mat file, or a folder of them
// (each plain or in a .zip), whose variables mat_layout.h tells apart. Item i is row i of each of them:
//
//   id              the name in the image list, else the row number, from 1, with leading zeros
//   picture         the name, below options.image_root (of an absolute name only its last part);
//                   none without image_root; or the pixels of [height, width, 3, n], as PNG bytes
//   labels          column "label": the class names of the file, else "0", "1" … by column
//   text            captions; several of one item stand on a line each
//   features        rows of numbers, as image_features and text_features
//
// In a folder without label variable, label lists (label_lines.h) are joined by picture name, and
// the list that names an item is its attribute "list".
//
// kNotFound, kIo, kBadFormat. Once opened, a file that proves damaged gives one last Rejection.
Result<std::unique_ptr<RecordReader>> open_mat(const std::filesystem::path& path, const SourceOptions& options);

// "a.mat", "a.mat.zip", in any case.
bool is_mat_name(std::string_view file_name);

}  // namespace warifu
