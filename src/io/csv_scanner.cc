#include "io/csv_scanner.h"

#include <algorithm>
#include <utility>

#include "io/record_parts.h"
#include "io/utf8.h"

namespace warifu {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxFields = std::size_t{64} << 10;  // a line of commas must not become a million strings

}  // namespace

Result<CsvScanner> CsvScanner::open(const std::filesystem::path& path, char separator) {
  auto stream = ByteStream::open(path);
  if (!stream) return std::unexpected(std::move(stream.error()));
  CsvScanner scanner(std::move(*stream));
  scanner.fill();
  if (scanner.buffer_.starts_with("\xFF\xFE") || scanner.buffer_.starts_with("\xFE\xFF"))
    return fail(ErrorCode::kBadFormat, path.string() + ": is UTF-16 text", "save it as UTF-8 (in Excel: CSV UTF-8)");
  if (scanner.buffer_.starts_with(kUtf8Bom)) scanner.begin_ = kUtf8Bom.size();
  scanner.separator_ = separator;
  if (separator == '\0') scanner.choose_separator();
  return scanner;
}

void CsvScanner::choose_separator() {
  const std::string_view start = std::string_view(buffer_).substr(begin_);
  const std::string_view first_line = start.substr(0, start.find('\n'));
  separator_ = ',';
  for (const char candidate : {',', '\t', ';'}) {
    if (!first_line.contains(candidate)) continue;
    separator_ = candidate;
    return;
  }
}

// Reads the next chunk behind the row being scanned; false if the file has no more.
bool CsvScanner::fill() {
  if (ended_) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + kChunkBytes);
  auto got = stream_.read(std::as_writable_bytes(std::span(buffer_).subspan(kept)));
  buffer_.resize(kept + got.value_or(0));
  ended_ = !got || *got < kChunkBytes;
  if (!got) {
    failed_ = true;
    failure_ = std::move(got.error());
  }
  return buffer_.size() > kept;
}

int CsvScanner::at(std::size_t i) {
  if (begin_ + i >= buffer_.size() && !fill()) return -1;
  return static_cast<unsigned char>(buffer_[begin_ + i]);
}

bool CsvScanner::line_ends_at(std::size_t i) {
  const int c = at(i);
  if (c != '\r') return c == '\n' || c == -1;
  const int after = at(i + 1);
  return after == '\n' || after == -1;
}

// Leaves begin_ at a row; false at the end of the file.
bool CsvScanner::skip_empty_lines() {
  while (at(0) != -1) {
    if (!line_ends_at(0)) return true;
    if (at(0) == '\r' && at(1) == '\n') ++begin_;
    ++begin_;
    ++line_;
  }
  return false;
}

// Goes to the line below the one at begin_, keeping nothing of it.
void CsvScanner::skip_line() {
  for (;;) {
    const auto end = buffer_.find('\n', begin_);
    if (end != std::string::npos) {
      begin_ = end + 1;
      break;
    }
    begin_ = buffer_.size();
    if (!fill()) break;
  }
  ++line_;
}

CsvScanner::FieldEnd CsvScanner::quoted(CsvRow& row, std::string& field, std::size_t& i) {
  for (++i;; ++i) {
    const int c = at(i);
    if (c == -1 || i > kMaxRecordBytes) {
      row.problem = c == -1 ? "a quoted field is opened here and never closed"
                            : "a quoted field is opened here and not closed within 16 MiB";
      row.hint = "close the quote, or double it if the text itself has one";
      return FieldEnd::kProblem;
    }
    if (c == '"') {
      if (at(i + 1) != '"') break;
      ++i;
    }
    field += static_cast<char>(c);
  }
  ++i;  // behind the closing quote
  if (line_ends_at(i)) return FieldEnd::kLine;
  if (at(i) == static_cast<unsigned char>(separator_)) return FieldEnd::kSeparator;
  row.problem = "text follows a closing quote";
  row.hint = "double the quotes inside a quoted field: \"\"";
  return FieldEnd::kProblem;
}

CsvScanner::FieldEnd CsvScanner::unquoted(CsvRow& row, std::string& field, std::size_t& i) {
  for (;; ++i) {
    if (i > kMaxRecordBytes) {
      row.problem = "a line of more than 16 MiB";
      row.hint = "is this a CSV file?";
      return FieldEnd::kProblem;
    }
    const int c = at(i);
    if (c == static_cast<unsigned char>(separator_)) return FieldEnd::kSeparator;
    if ((c == '\n' || c == '\r' || c == -1) && line_ends_at(i)) return FieldEnd::kLine;
    field += static_cast<char>(c);
  }
}

// Takes `length` bytes as the row; the line end follows.
void CsvScanner::finish(CsvRow& row, std::size_t length) {
  const std::string_view raw = std::string_view(buffer_).substr(begin_, length);
  line_ += static_cast<std::size_t>(std::ranges::count(raw, '\n'));
  if (!is_valid_utf8(raw) || raw.contains('\0')) {
    row.problem = raw.contains('\0') ? "a NUL byte" : "is not UTF-8 text";
    row.hint = "save the file as UTF-8 (in Excel: CSV UTF-8)";
  }
  begin_ += length;
  if (at(0) == '\r') ++begin_;
  if (at(0) == '\n') ++begin_;
  ++line_;
}

Result<bool> CsvScanner::next(CsvRow& row) {
  row = CsvRow{};
  const bool found = skip_empty_lines();
  if (failed_) return std::unexpected(failure_);
  if (!found) return false;
  row.line = line_;
  std::size_t i = 0;
  for (;; ++i) {  // i: the first byte of a field, then the separator behind it
    if (row.fields.size() == kMaxFields) {
      row.problem = "more than " + std::to_string(kMaxFields) + " fields";
      skip_line();
      return true;
    }
    std::string& field = row.fields.emplace_back();
    const FieldEnd end = at(i) == '"' ? quoted(row, field, i) : unquoted(row, field, i);
    if (failed_) return std::unexpected(failure_);
    if (end == FieldEnd::kSeparator) continue;
    if (end == FieldEnd::kLine)
      finish(row, i);
    else
      skip_line();
    return true;
  }
}

}  // namespace warifu
