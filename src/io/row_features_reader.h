#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// Gives the records of a source their features from options.image_features and
// options.text_features, row i to the i-th record or rejection. `open` opens the source; it is
// called twice, the first time to count, so that no record gets a neighbour's features: numbers
// that differ are kBadFormat and nothing is read.
Result<std::unique_ptr<RecordReader>> with_row_features(
    const std::function<Result<std::unique_ptr<RecordReader>>()>& open, const SourceOptions& options);

}  // namespace warifu
