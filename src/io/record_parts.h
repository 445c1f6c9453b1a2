#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// What the readers of different formats must decide in the same way.

// The longest line, field, JSON object or sidecar file that is read; more is a Rejection.
inline constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20;

// "file.csv:17"
std::string place_of(const std::filesystem::path& file, std::size_t line);

// How many records a source holds in all if `seen` of them lie in `share` of it (0 … 1); 0 if nothing is known.
std::size_t total_by_share(std::size_t seen, double share);

// An Error (whose message names no place) as the rejection of what lies at `place`.
Rejection rejected(std::string place, Error error);

// By the name's extension, in any case: ".jpg", ".png" …
bool is_picture_name(std::string_view file_name);

bool is_label_column(const SourceOptions& options, std::string_view column);

// Adds `value` to the record's labels if options.label_columns names the column, else to its
// attributes. Spaces around it are dropped; an empty value adds nothing.
void add_column_value(Record& record, const SourceOptions& options, std::string_view column, std::string_view value);

// Adds the groups of a value of options.group_column: "a|b" names two, "*" alone says that everybody may see the
// record. An empty value states nothing.
void add_groups(Record& record, std::string_view value);

// The absolute path of a picture named in a source in `folder`: options.image_root, or else
// `folder`, is where relative names start. A web address is kInvalidArgument (nothing is fetched)
// unless the features come with the source: then it is kept as it is, to be shown.
Result<std::string> picture_uri(std::string_view name, const std::filesystem::path& folder,
                                const SourceOptions& options);

// Ids for the records of a source that has none: the picture's name as written, "#2", "#3" … behind
// it where several records share a picture; "pairs:17" for record 17 of pairs.csv without a picture.
class DerivedIds {
 public:
  explicit DerivedIds(const std::filesystem::path& source) : stem_(source.stem().string()) {}
  std::string next(std::string_view picture_name, std::size_t record_number);

 private:
  std::string stem_;
  std::unordered_map<std::uint64_t, std::uint32_t> times_;  // by hash: a clash only costs an "#2"
};

}  // namespace warifu
