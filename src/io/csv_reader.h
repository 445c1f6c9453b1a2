#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// CSV or TSV by CsvScanner's rules, plain or gzip; the first row names the columns. A cell of
// options.id_column, image_column, text_column is that part of the record; "filepath" and "title"
// stand for image and text where the default names are absent. Without an id column ids are
// derived (DerivedIds). Cells of options.label_columns are labels, all others attributes; an
// empty cell is nothing.
//
// A row with another number of fields than the header is a Rejection, as is one that cannot be
// scanned. kBadFormat: no header, or two columns of one name; kNotFound: a named column that does
// not exist (the hint lists the columns).
Result<std::unique_ptr<RecordReader>> open_csv(const std::filesystem::path& path, const SourceOptions& options);

}  // namespace warifu
