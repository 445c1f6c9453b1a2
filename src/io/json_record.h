#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// One item as a JSON object states it: a line of JSONL, or a sidecar beside a picture.
struct JsonItem {
  std::optional<std::string> id;     // a string, or a whole number as text
  std::optional<std::string> image;  // as written
  std::optional<std::string> text;
  Record columns;  // only labels, attributes and groups are filled
};

// {"id": …, "image": …, "text": …, "labels": …} under the names that `options` gives; "filepath" and
// "title" stand for image and text where those are absent. "labels" is a value or list of values
// (column "label") or {column: value or list of values}. Other keys are labels if
// options.label_columns names them, else attributes: a scalar is one value, a list of scalars
// several, anything deeper its JSON text. null is as good as absent.
// The value or values of options.group_column are groups. kBadFormat (the message names no place).
Result<JsonItem> parse_json_item(std::string_view json, const SourceOptions& options);

}  // namespace warifu
