#include "io/split_files.h"

#include <unordered_set>
#include <utility>

#include "io/record_parts.h"
#include "io/text_lines.h"
#include "io/utf8.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLineBytes = std::size_t{64} << 10;

Result<std::vector<std::string>> read_ids(const fs::path& file) {
  auto lines = TextLines::open(file, kMaxLineBytes);
  if (!lines) return std::unexpected(std::move(lines.error()));
  std::vector<std::string> ids;
  std::unordered_set<std::string> seen;
  TextLine line;
  for (;;) {
    const auto more = lines->next(line);
    if (!more) return with_context(file.string(), more.error());
    if (!*more) return ids;
    if (line.too_long || !is_valid_utf8(line.text))
      return fail(
          ErrorCode::kBadFormat,
          place_of(file, line.number) + (line.too_long ? ": a line of more than 64 KiB" : ": is not UTF-8 text"),
          "a split file has one id a line");
    std::string id(trimmed(line.text));
    if (!id.empty() && seen.insert(id).second) ids.push_back(std::move(id));
  }
}

}  // namespace

Result<std::map<std::string, std::vector<std::string>>> read_splits(const fs::path& folder) {
  std::map<std::string, std::vector<std::string>> splits;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path file = at->path();
    if (file.extension() != ".txt" || file.filename().string().starts_with('.')) continue;
    auto ids = read_ids(file);
    if (!ids) return std::unexpected(std::move(ids.error()));
    splits[file.stem().string()] = std::move(*ids);
  }
  if (error) {
    const bool missing = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    return fail(missing ? ErrorCode::kNotFound : ErrorCode::kIo, folder.string() + ": " + error.message(),
                "name a folder with query.txt, train.txt and database.txt");
  }
  if (splits.empty())
    return fail(ErrorCode::kNotFound, folder.string() + ": has no .txt file",
                "splits are files like query.txt, train.txt, database.txt with one id a line");
  return splits;
}

}  // namespace warifu
