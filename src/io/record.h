#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// A label: one value in one column ("articleType" = "Shirts"). An item may hold several values in
// the same column.
struct Label {
  std::string column;
  std::string value;
  auto operator<=>(const Label&) const = default;
};

// "column=value": one name for a label wherever labels of all columns stand together.
inline std::string label_name(const Label& label) { return label.column + "=" + label.value; }

// One item as a source states it, before anything is checked beyond the source's own syntax.
struct Record {
  std::string place;  // where it was read, for messages: "pairs.csv:17", "a.tar: 0001"
  std::string id;
  std::string image_uri;               // absolute path, or "archive.tar#member"; empty: no picture
  std::vector<std::byte> image_bytes;  // the picture itself where it lies inside an archive
  std::optional<std::string> text;
  std::vector<Label> labels;
  std::vector<Label> attributes;  // other named columns: kept, shown, never trained on
  // Who may see it, as SourceOptions::group_column states it; an empty list: everybody. Unset: nothing is stated.
  std::optional<std::vector<std::string>> groups;
  std::vector<float> image_features;  // given with the source; empty: none
  std::vector<float> text_features;
};

// One thing of a source that could not be read as a record. The run goes on.
struct Rejection {
  std::string place;
  std::string reason;  // Error::message without the place
  std::string hint;
};

using RecordOrRejection = std::expected<Record, Rejection>;

// What ingest was told about a source.
struct SourceOptions {
  std::string format = "auto";             // see reader_formats()
  std::vector<std::string> label_columns;  // empty: none for CSV; JSONL uses "labels"
  std::string label_separator;             // CSV: "a|b" in a label column is two values for "|"; empty: one value
  std::string id_column = "id";
  std::string image_column = "image";
  std::string text_column = "text";
  // Column of the groups that may see an item: "a|b", or "*" for everybody; in JSON a list too. Then every record must
  // state it: one that does not is a Rejection, so that nothing is open by mistake. Empty: none.
  std::string group_column;
  std::filesystem::path image_root;      // relative picture paths start here; empty: the source's folder
  std::filesystem::path image_features;  // .npy or .npy.gz, rows in the source's order
  std::filesystem::path text_features;
  std::filesystem::path ids;     // format "features": one id a line
  std::filesystem::path labels;  // format "features": one line an item, values separated by tab or comma
};

// Pulls records out of one source, in the source's order, in bounded memory.
//
// Thread safety: none; one owner.
class RecordReader {
 public:
  virtual ~RecordReader() = default;

  // The next record; a Rejection for one that cannot be read (the reader stays usable); nothing at
  // the end.
  virtual std::optional<RecordOrRejection> next() = 0;

  // Number of records as far as can be told without reading ahead: it gets better as reading goes on;
  // 0: nothing is known yet. For the progress bar only.
  virtual std::size_t size_hint() const = 0;

  // The source states labels and nothing else of any item, as the label lists of the field do.
  virtual bool labels_alone() const { return false; }
};

// Opens `path` (a file or folder; may be empty for format "features"). "auto" looks at the name and
// the first bytes. kNotFound: no such path, or no such label column (the hint lists the columns);
// kBadFormat: not readable as that format (with place and hint); kInvalidArgument: unknown format
// (the message lists the known ones).
//
// What holds of the records of every format: the id is unique within the source, not empty, at
// most 1024 bytes, without control characters; all text is UTF-8; there is a picture, a text or
// features (unless the whole source holds labels_alone()); features are finite numbers. A record that breaks this is a
// Rejection. A label column that no record had a value for is one last Rejection.
//
// With options.image_features (text_features) and any format, row i of that file belongs to the
// i-th record of the source, counting those that are rejected; the source is read once before to
// count, and numbers that differ are kBadFormat.
Result<std::unique_ptr<RecordReader>> open_records(const std::filesystem::path& path, const SourceOptions& options);

// What "auto" would choose for `path`, e.g. "csv". kNotFound; kInvalidArgument with the known formats.
Result<std::string> detect_format(const std::filesystem::path& path);

// The names that SourceOptions::format accepts besides "auto", in the order of detection.
std::vector<std::string_view> reader_formats();

}  // namespace warifu
