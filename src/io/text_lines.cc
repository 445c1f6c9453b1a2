#include "io/text_lines.h"

#include <utility>

#include "io/utf8.h"

namespace warifu {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

}  // namespace

Result<TextLines> TextLines::open(const std::filesystem::path& path, std::size_t max_line_bytes) {
  auto stream = ByteStream::open(path);
  if (!stream) return std::unexpected(std::move(stream.error()));
  return TextLines(std::move(*stream), max_line_bytes);
}

// Reads the next chunk behind what is left; false if the file has no more.
Result<bool> TextLines::fill() {
  if (ended_) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + kChunkBytes);
  const auto got = stream_.read(std::as_writable_bytes(std::span(buffer_).subspan(kept)));
  buffer_.resize(kept + got.value_or(0));
  if (!got) {
    ended_ = true;
    return std::unexpected(got.error());
  }
  ended_ = *got < kChunkBytes;
  if (number_ == 0 && kept == 0 && buffer_.starts_with(kUtf8Bom)) begin_ = kUtf8Bom.size();
  return *got > 0;
}

Result<bool> TextLines::next(TextLine& line) {
  line = TextLine{};
  std::size_t searched = 0;
  for (;;) {
    const std::string_view rest = std::string_view(buffer_).substr(begin_);
    const auto end = rest.find('\n', searched);
    if (end == std::string_view::npos && rest.size() > max_) {
      line.too_long = true;  // forget what was read of it, look for its end
      begin_ = buffer_.size();
      searched = 0;
    } else {
      searched = rest.size();
    }
    if (end == std::string_view::npos) {
      const auto more = fill();
      if (!more) return std::unexpected(more.error());
      if (*more) continue;
      if (begin_ == buffer_.size() && !line.too_long) return false;
    }
    const std::string_view whole = std::string_view(buffer_).substr(begin_);
    const std::size_t length = std::min(end, whole.size());
    begin_ += std::min(length + 1, whole.size());
    line.number = ++number_;
    line.too_long = line.too_long || length > max_;
    if (!line.too_long) line.text = whole.substr(0, length);
    if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    return true;
  }
}

}  // namespace warifu
