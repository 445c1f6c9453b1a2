#include "cli/output.h"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/join.h"

namespace warifu {
namespace {

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  const auto points =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
  for (std::int32_t at = 0; at < points.length(); at = points.moveIndex32(at, 1)) {
    const int kind = u_getIntPropertyValue(points.char32At(at), UCHAR_EAST_ASIAN_WIDTH);
    width += kind == U_EA_WIDE || kind == U_EA_FULLWIDTH ? 2 : 1;
  }
  return width;
}

bool looks_numeric(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,-+% ±[]") == std::string_view::npos;
}

}  // namespace

Result<OutputForm> parse_output(std::string_view name, std::vector<std::string_view> allowed) {
  if (name.empty()) return ::isatty(STDOUT_FILENO) ? OutputForm::kTable : OutputForm::kJsonl;
  constexpr std::pair<std::string_view, OutputForm> kForms[] = {
      {"table", OutputForm::kTable}, {"json", OutputForm::kJson}, {"jsonl", OutputForm::kJsonl},
      {"tsv", OutputForm::kTsv},     {"trec", OutputForm::kTrec}, {"paths", OutputForm::kPaths},
      {"qrels", OutputForm::kQrels}};
  for (const auto& [form_name, form] : kForms)
    if (form_name == name && std::ranges::find(allowed, form_name) != allowed.end()) return form;
  return fail(ErrorCode::kInvalidArgument, "no output form is called '" + std::string(name) + "'",
              "use one of " + join(allowed));
}

void print_line(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

std::string json_text(const Json& object, int indent) {
  return object.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void print_json(const Json& object, OutputForm form) {
  print_line(json_text(object, form == OutputForm::kJson ? 2 : -1));
}

void Table::print() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - display_width(row[i]), ' ');
      if (i > 0) line += "  ";
      line += looks_numeric(row[i]) ? padding + row[i] : row[i] + (i + 1 < row.size() ? padding : "");
    }
    print_line(line);
  }
}

std::string fixed(double value, int decimals) { return fmt::format("{:.{}f}", value, decimals); }

std::string seconds_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  return fmt::format("{} min {:02} s", static_cast<long>(seconds) / 60, static_cast<long>(seconds) % 60);
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string count_text(std::size_t count) {
  std::string digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(digits.begin() + at, ',');
  return digits;
}

}  // namespace warifu
