#include "store/feature_file.h"

#include <array>
#include <charconv>
#include <optional>

#include "base/hash.h"

namespace warifu {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00\x76\x00", 10);  // v1.0, 118 bytes follow
constexpr std::string_view kBeforeRows = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
constexpr std::size_t kSumDigits = 8;

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::string key_sum(std::uint64_t row, std::string_view key) {
  std::array<std::byte, 8> number{};
  for (std::size_t i = 0; i < number.size(); ++i) number[i] = static_cast<std::byte>(row >> (8 * i));
  std::uint32_t sum = crc32c(std::as_bytes(std::span(key)), crc32c(number));
  std::string hex(kSumDigits, '0');
  for (std::size_t i = kSumDigits; i-- > 0; sum >>= 4) hex[i] = "0123456789abcdef"[sum & 15U];
  return hex;
}

}  // namespace

std::string feature_header(std::size_t rows, std::size_t cols) {
  std::string header(kMagic);
  header.append(kBeforeRows).append(std::to_string(rows)).append(", ").append(std::to_string(cols)).append("), }");
  header.resize(kFeatureHeaderBytes - 1, ' ');
  return header + '\n';
}

Result<std::size_t> feature_cols(std::string_view header) {
  std::string_view rest = header;
  if (rest.size() == kFeatureHeaderBytes && take(rest, kMagic) && take(rest, kBeforeRows) && take_number(rest) &&
      take(rest, ", ")) {
    const auto cols = take_number(rest);
    const bool ends = take(rest, "), }") && rest.find_first_not_of(' ') == rest.size() - 1 && rest.back() == '\n';
    if (cols && *cols > 0 && *cols <= kMaxFeatureCols && ends) return static_cast<std::size_t>(*cols);
  }
  return fail(ErrorCode::kBadFormat, "not the header of a feature store",
              "move the file away; what it held is computed or ingested again");
}

bool is_torn_feature_header(std::string_view bytes) {
  const std::string fixed = std::string(kMagic).append(kBeforeRows);
  return bytes.size() < kFeatureHeaderBytes && bytes.substr(0, fixed.size()) == fixed.substr(0, bytes.size());
}

std::string key_line(std::uint64_t row, std::string_view key) {
  return std::string(key).append("\t").append(key_sum(row, key)).append("\n");
}

KeyLines read_key_lines(std::string_view text) {
  KeyLines lines;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) return lines;
    const std::string_view line = text.substr(begin, end - begin);
    if (line.size() < kSumDigits + 2) return lines;  // at least one byte of key and a tab
    const std::string_view key = line.substr(0, line.size() - kSumDigits - 1);
    if (line[key.size()] != '\t' || line.substr(key.size() + 1) != key_sum(lines.keys.size(), key)) return lines;
    begin = end + 1;
    lines.keys.emplace_back(key);
    lines.ends.push_back(begin);
  }
}

}  // namespace warifu
