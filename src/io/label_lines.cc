#include "io/label_lines.h"

#include <utility>

#include "io/record_parts.h"
#include "io/text_lines.h"
#include "io/utf8.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{1} << 16;
constexpr std::size_t kMaxEntries = 20'000'000;

std::string_view file_name(std::string_view path) { return path.substr(path.find_last_of("/\\") + 1); }

struct Line {
  std::string_view name;
  std::vector<std::uint16_t> classes;
  std::size_t width = 0;
};

// Nothing if it is not a name and then only zeros and ones, at least two of them.
std::optional<Line> parse(std::string_view text) {
  text = trimmed(text);
  const std::size_t end = text.find_first_of(" \t");
  if (end == text.npos) return std::nullopt;
  Line line{text.substr(0, end), {}, 0};
  for (const char c : text.substr(end)) {
    if (c == ' ' || c == '\t') continue;
    if (c != '0' && c != '1') return std::nullopt;
    if (c == '1') line.classes.push_back(static_cast<std::uint16_t>(line.width));
    ++line.width;
  }
  if (line.width < 2) return std::nullopt;
  return line;
}

// "train.txt.gz" is list "train".
std::string list_name(const std::filesystem::path& file) {
  std::string name = file.filename().string();
  return name.substr(0, name.find(".txt"));
}

}  // namespace

Result<bool> LabelLines::add(const std::filesystem::path& file) {
  auto lines = TextLines::open(file, kMaxLineBytes);
  if (!lines) return Fail(lines.error());
  const std::string list = list_name(file);
  std::size_t width = 0;
  TextLine text;
  while (true) {
    const auto more = lines->next(text);
    if (!more) return with_context(file.string(), more.error());
    if (!*more) return width > 0;
    if (!text.too_long && trimmed(text.text).empty()) continue;
    auto line = text.too_long ? std::nullopt : parse(text.text);
    if (width == 0 && !line) return false;
    if (width == 0) width = line->width;
    if (!line || line->width != width)
      return fail(ErrorCode::kBadFormat,
                  place_of(file, text.number) + ": not a name and " + std::to_string(width) +
                      " zeros or ones, as in the lines before",
                  "correct or remove the line");
    if (entries_.size() >= kMaxEntries) return fail(ErrorCode::kBadFormat, file.string() + ": too many lines");
    entries_.try_emplace(std::string(file_name(line->name)), Entry{std::move(line->classes), list});
  }
}

const LabelLines::Entry* LabelLines::find(std::string_view picture_name) const {
  const auto found = entries_.find(std::string(file_name(picture_name)));
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace warifu
