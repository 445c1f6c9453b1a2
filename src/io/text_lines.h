#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/byte_stream.h"

namespace warifu {

// One line, without its "\n" or "\r\n".
struct TextLine {
  std::size_t number = 0;  // from 1
  std::string_view text;   // valid until the next call
  bool too_long = false;   // `text` is empty then; the line was skipped
};

// The lines of a text file (plain or gzip), one after another, in memory of the longest permitted
// line. A UTF-8 byte order mark at the start is dropped. What follows the last "\n" is a line if
// it is not empty.
class TextLines {
 public:
  static Result<TextLines> open(const std::filesystem::path& path, std::size_t max_line_bytes);

  // false at the end. kBadFormat or kIo as ByteStream::read().
  Result<bool> next(TextLine& line);

  double share_done() const { return stream_.share_done(buffer_.size() - begin_); }  // as ByteStream's

 private:
  TextLines(ByteStream stream, std::size_t max_line_bytes) : stream_(std::move(stream)), max_(max_line_bytes) {}
  Result<bool> fill();

  ByteStream stream_;
  std::size_t max_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of the part of buffer_ not yet given out
  std::size_t number_ = 0;
  bool ended_ = false;
};

}  // namespace warifu
