#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/byte_stream.h"

namespace warifu {

struct CsvRow {
  std::size_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields;
  std::string problem;  // not empty: the row cannot be read, `fields` mean nothing
  std::string hint;
};

// The rows of a comma-, tab- or semicolon-separated file by RFC 4180: fields in quotes may hold
// separators, line ends and doubled quotes; lines end in "\n" or "\r\n"; a UTF-8 byte order mark
// is dropped; a quote inside an unquoted field is a character like any other; empty lines are
// skipped. Memory: the longest row, at most 16 MiB.
//
// A bad row costs that row only. After a quote that never ends the scan goes on with the line
// below the one where it was opened.
class CsvScanner {
 public:
  // separator '\0': looks at the first line: a comma if it has one, else a tab, else a semicolon.
  static Result<CsvScanner> open(const std::filesystem::path& path, char separator);

  // false at the end. kBadFormat or kIo as ByteStream::read().
  Result<bool> next(CsvRow& row);

  double share_done() const { return stream_.share_done(buffer_.size() - begin_); }  // as ByteStream's

 private:
  enum class FieldEnd { kSeparator, kLine, kProblem };

  explicit CsvScanner(ByteStream stream) : stream_(std::move(stream)) {}
  int at(std::size_t i);  // byte i from the start of the row, -1 at the end of the file
  bool fill();
  bool line_ends_at(std::size_t i);
  bool skip_empty_lines();
  void skip_line();
  void choose_separator();
  FieldEnd quoted(CsvRow& row, std::string& field, std::size_t& i);
  FieldEnd unquoted(CsvRow& row, std::string& field, std::size_t& i);
  void finish(CsvRow& row, std::size_t length);

  ByteStream stream_;
  char separator_ = ',';
  std::string buffer_;
  std::size_t begin_ = 0;  // of the row being scanned
  std::size_t line_ = 1;   // at begin_
  bool ended_ = false;
  Error failure_;  // what ended it, if it was not the end of the file
  bool failed_ = false;
};

}  // namespace warifu
