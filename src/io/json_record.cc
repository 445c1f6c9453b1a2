#include "io/json_record.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "io/json_strict.h"
#include "io/record_parts.h"
#include "io/utf8.h"

namespace warifu {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 32;
constexpr std::string_view kDefaultLabelColumn = "label";

std::string scalar_text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

Fail wrong_type(std::string_view key, const json& value, std::string_view expected) {
  return fail(ErrorCode::kBadFormat, "the value of '" + std::string(key) + "' is " + value.type_name() + ", expected " +
                                         std::string(expected));
}

// A value or a list of values, as texts.
Result<std::vector<std::string>> values_of(std::string_view key, const json& value) {
  std::vector<std::string> values;
  if (value.is_array()) {
    for (const json& one : value) {
      if (one.is_structured()) return wrong_type(key, one, "values");
      if (!one.is_null()) values.push_back(scalar_text(one));
    }
  } else if (value.is_object()) {
    return wrong_type(key, value, "a value or a list of values");
  } else if (!value.is_null()) {
    values.push_back(scalar_text(value));
  }
  return values;
}

Result<void> add_labels(std::string_view column, const json& value, std::vector<Label>& labels) {
  const auto values = values_of(column, value);
  if (!values) return std::unexpected(values.error());
  for (const std::string& one : *values)
    if (const auto text = trimmed(one); !text.empty()) labels.push_back({std::string(column), std::string(text)});
  return {};
}

Result<void> read_labels(const json& value, std::vector<Label>& labels) {
  if (!value.is_object()) return add_labels(kDefaultLabelColumn, value, labels);
  for (const auto& [column, of_column] : value.items())
    if (auto added = add_labels(column, of_column, labels); !added) return added;
  return {};
}

Result<void> read_other(const std::string& key, const json& value, const SourceOptions& options, Record& columns) {
  if (is_label_column(options, key)) return add_labels(key, value, columns.labels);
  if (const auto values = values_of(key, value))
    for (const std::string& one : *values) add_column_value(columns, options, key, one);
  else
    columns.attributes.push_back({key, value.dump()});
  return {};
}

// The key under which a part is found: its own name, or the alias where the default name is absent.
std::string part_key(const json& object, const std::string& name, const char* default_name, const char* alias) {
  return name == default_name && !object.contains(name) && object.contains(alias) ? alias : name;
}

Result<JsonItem> read_item(const json& object, const SourceOptions& options) {
  JsonItem item;
  const std::string image_key = part_key(object, options.image_column, "image", "filepath");
  const std::string text_key = part_key(object, options.text_column, "text", "title");
  for (const auto& [key, value] : object.items()) {
    if (value.is_null()) continue;
    if (key == options.id_column) {
      if (!value.is_string() && !value.is_number_integer()) return wrong_type(key, value, "a string or whole number");
      item.id = trimmed(scalar_text(value));
    } else if (key == image_key) {
      if (!value.is_string()) return wrong_type(key, value, "a string");
      item.image = trimmed(value.get_ref<const std::string&>());
    } else if (key == text_key) {
      if (!value.is_string()) return wrong_type(key, value, "a string");
      item.text = value.get<std::string>();
    } else if (!options.group_column.empty() && key == options.group_column) {
      const auto groups = values_of(key, value);
      if (!groups) return std::unexpected(groups.error());
      for (const std::string& names : *groups) add_groups(item.columns, names);
    } else if (key == "labels") {
      if (auto read = read_labels(value, item.columns.labels); !read) return std::unexpected(read.error());
    } else if (auto read = read_other(key, value, options, item.columns); !read) {
      return std::unexpected(read.error());
    }
  }
  return item;
}

}  // namespace

Result<JsonItem> parse_json_item(std::string_view text, const SourceOptions& options) {
  const auto object = parse_json_strictly(text, kMaxDepth);
  if (!object) return std::unexpected(object.error());
  if (!object->is_object())
    return fail(ErrorCode::kBadFormat,
                std::string("is ") + object->type_name() + ", expected an object {\"id\": …, \"text\": …}");
  return read_item(*object, options);
}

}  // namespace warifu
