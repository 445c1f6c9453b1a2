#pragma once

#include <memory>

#include "io/record.h"

namespace warifu {

// Holds the records of any reader to what open_records() promises of all of them.
// Memory: 8 bytes and a hash table's share for each id.
std::unique_ptr<RecordReader> make_checked_reader(std::unique_ptr<RecordReader> records, const SourceOptions& options,
                                                  std::string source_name);

}  // namespace warifu
