#include "io/record_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <system_error>
#include <utility>

#include "io/utf8.h"

namespace warifu {

std::string place_of(const std::filesystem::path& file, std::size_t line) {
  return file.filename().string() + ":" + std::to_string(line);
}

std::size_t total_by_share(std::size_t seen, double share) {
  return share > 0 ? std::max(seen, static_cast<std::size_t>(std::lround(static_cast<double>(seen) / share))) : 0;
}

Rejection rejected(std::string place, Error error) {
  return {std::move(place), std::move(error.message), std::move(error.hint)};
}

bool is_picture_name(std::string_view file_name) {
  constexpr std::array<std::string_view, 11> kExtensions = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff",
                                                            ".gif", ".bmp",  ".svg", ".heic", ".avif"};
  const auto is_letter_of = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b); };
  return std::ranges::any_of(kExtensions, [&](std::string_view extension) {
    if (file_name.size() <= extension.size()) return false;
    return std::ranges::equal(file_name.substr(file_name.size() - extension.size()), extension, is_letter_of);
  });
}

bool is_label_column(const SourceOptions& options, std::string_view column) {
  return std::ranges::find(options.label_columns, column) != options.label_columns.end();
}

void add_column_value(Record& record, const SourceOptions& options, std::string_view column, std::string_view value) {
  value = trimmed(value);
  if (value.empty()) return;
  auto& list = is_label_column(options, column) ? record.labels : record.attributes;
  list.push_back({std::string(column), std::string(value)});
}

void add_groups(Record& record, std::string_view value) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find('|'), value.size());
    const std::string_view name = trimmed(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    if (name.empty()) continue;
    if (!record.groups) record.groups.emplace();
    if (name != "*") record.groups->emplace_back(name);  // beside others, it opens nothing
  }
}

Result<std::string> picture_uri(std::string_view name, const std::filesystem::path& folder,
                                const SourceOptions& options) {
  if (name.starts_with("http://") || name.starts_with("https://")) {
    if (!options.image_features.empty()) return std::string(name);
    return fail(ErrorCode::kInvalidArgument,
                "the picture '" + std::string(name.substr(0, 200)) + "' is a web address; nothing is fetched",
                "download the pictures and name the files");
  }
  if (name.contains('\0')) return fail(ErrorCode::kBadFormat, "the picture's name holds a NUL character");
  std::error_code ignored;  // the current folder may be gone: the relative name is then as good as any
  const auto root = std::filesystem::absolute(options.image_root.empty() ? folder : options.image_root, ignored);
  return (root / std::filesystem::path(name)).lexically_normal().string();
}

std::string DerivedIds::next(std::string_view picture_name, std::size_t record_number) {
  if (picture_name.empty()) return stem_ + ":" + std::to_string(record_number);
  const std::uint32_t times = ++times_[std::hash<std::string_view>{}(picture_name)];
  std::string id(picture_name);
  if (times > 1) id.append("#").append(std::to_string(times));
  return id;
}

}  // namespace warifu
