#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// JSON Lines, plain or gzip: one object a line as parse_json_item() reads it; empty lines are
// skipped, a bad or overlong line is a Rejection. Without "id" ids are derived (DerivedIds).
Result<std::unique_ptr<RecordReader>> open_jsonl(const std::filesystem::path& path, const SourceOptions& options);

}  // namespace warifu
