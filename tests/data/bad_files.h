#pragma once

#include <filesystem>
#include <span>

#include "data/drawing.h"

namespace warifu::fixtures {

// Writes what a collection must survive below `folder`: broken pictures (bad/pictures, listed in bad/pictures.csv
// together with two good ones), tables, JSON lines, archives, arrays, MATLAB files, weights, splits. What is wrong
// with a file is its name. The good sources must lie in the same folder already.
void write_bad_files(const std::filesystem::path& folder, std::span<const Drawing> drawings);

}  // namespace warifu::fixtures
