#include "text/byte_pairs.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <utility>

#include "base/hash.h"
#include "base/utf8.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;  // after decompression; CLIP's file has 3.1 MiB
constexpr std::string_view kWordEnd = "</w>";

using SymbolTable = std::unordered_map<std::string, std::int32_t>;

// The vocabulary file writes each byte as a visible character: printable Latin-1 as itself, the
// others as U+0100, U+0101, … in ascending order. Symbol numbers follow the same two groups.
std::array<std::int32_t, 256> number_bytes(SymbolTable& symbols) {
  std::array<std::int32_t, 256> number{};
  std::array<char32_t, 256> shown{};
  const auto printable = [](unsigned b) {
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
  };
  std::int32_t next = 0;
  char32_t stand_in = 0x100;
  for (const bool group : {true, false}) {
    for (unsigned b = 0; b < 256; ++b) {
      if (printable(b) != group) continue;
      number[b] = next++;
      shown[b] = group ? b : stand_in++;
    }
  }
  for (unsigned b = 0; b < 256; ++b) {
    std::string name;
    append_utf8(shown[b], name);
    symbols.emplace(name, number[b]);
    symbols.emplace(name.append(kWordEnd), number[b] + 256);
  }
  return number;
}

// gzip or plain, as zlib sees from the first bytes.
Result<std::string> read_unpacked(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return fail(ErrorCode::kInvalidArgument, path.string() + ": is a folder, not a file");
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), &gzclose);
  if (!file)
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, path.string() + ": " + std::strerror(errno));
  std::string text;
  constexpr unsigned kPiece = 1U << 18;
  for (;;) {
    const std::size_t filled = text.size();
    if (filled > kMaxFileBytes)
      return fail(ErrorCode::kBadFormat, path.string() + ": more than " + std::to_string(kMaxFileBytes) + " bytes");
    text.resize(filled + kPiece);
    const int got = gzread(file.get(), text.data() + filled, kPiece);
    text.resize(filled + static_cast<std::size_t>(std::max(got, 0)));
    int status = Z_OK;
    const std::string reason = gzerror(file.get(), &status);
    if (status != Z_OK && status != Z_STREAM_END)  // Z_BUF_ERROR: the stream ends too early
      return fail(status == Z_ERRNO ? ErrorCode::kIo : ErrorCode::kBadFormat, path.string() + ": " + reason);
    if (got <= 0) return text;
  }
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | static_cast<std::uint32_t>(right);
}

std::optional<std::pair<std::string_view, std::string_view>> split_merge(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size()) return std::nullopt;
  if (line.find(' ', space + 1) != std::string_view::npos) return std::nullopt;
  return std::pair(line.substr(0, space), line.substr(space + 1));
}

}  // namespace

Result<BytePairs> BytePairs::load(const std::filesystem::path& path, std::size_t max_merges) {
  const auto text = read_unpacked(path);
  if (!text) return std::unexpected(text.error());
  BytePairs pairs;
  if (const auto parsed = pairs.parse(*text, max_merges); !parsed) return with_context(path.string(), parsed.error());
  return pairs;
}

Result<void> BytePairs::parse(std::string_view text, std::size_t max_merges) {
  std::vector<std::pair<std::string_view, std::string_view>> merges;
  std::size_t line = 1;
  std::size_t begin = std::min(text.find('\n'), text.size() - (text.empty() ? 0 : 1)) + 1;  // after the title
  const std::size_t first = std::min(begin, text.size());
  for (; begin < text.size() && merges.size() < max_merges;) {
    ++line;
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto merge = split_merge(text.substr(begin, end - begin));
    if (!merge) return fail(ErrorCode::kBadFormat, "line " + std::to_string(line) + ": not two symbols and one space");
    merges.push_back(*merge);
    begin = end + 1;
  }
  if (merges.empty()) return fail(ErrorCode::kBadFormat, "no merge after the title line");

  SymbolTable symbols;
  byte_symbol_ = number_bytes(symbols);
  for (std::size_t i = 0; i < merges.size(); ++i)  // of two merges with the same result the later one names it
    symbols.insert_or_assign(std::string(merges[i].first).append(merges[i].second), static_cast<std::int32_t>(512 + i));
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto left = symbols.find(std::string(merges[i].first));
    const auto right = symbols.find(std::string(merges[i].second));
    if (left == symbols.end() || right == symbols.end())
      return fail(ErrorCode::kBadFormat, "line " + std::to_string(i + 2) + ": joins a symbol that nothing makes");
    const auto joined = symbols.at(std::string(merges[i].first).append(merges[i].second));
    joins_.insert_or_assign(pair_key(left->second, right->second), Join{static_cast<std::int32_t>(i), joined});
  }
  merges_ = merges.size();
  hash_ = warifu::content_hash(text.substr(first, std::min(begin, text.size()) - first));
  return {};
}

void BytePairs::encode_word(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (word.empty()) return;
  constexpr std::int32_t kGone = -1;
  // A list of symbols over the positions of the bytes; a join leaves the left position standing.
  const std::size_t n = word.size();
  std::vector<std::int32_t> symbol(n);
  std::vector<std::size_t> next(n);
  std::vector<std::size_t> previous(n);
  for (std::size_t i = 0; i < n; ++i) {
    symbol[i] = byte_symbol_[static_cast<unsigned char>(word[i])] + (i + 1 == n ? 256 : 0);
    next[i] = i + 1;
    previous[i] = i - 1;  // never followed from 0
  }
  struct Candidate {
    std::int32_t rank;
    std::size_t at;
    std::int32_t left;
    std::int32_t right;
    std::int32_t joined;
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto offer = [&](std::size_t at) {
    if (next[at] >= n) return;
    const auto join = joins_.find(pair_key(symbol[at], symbol[next[at]]));
    if (join == joins_.end()) return;
    candidates.push({join->second.rank, at, symbol[at], symbol[next[at]], join->second.symbol});
  };
  for (std::size_t i = 0; i + 1 < n; ++i) offer(i);

  std::vector<std::size_t> joined_at;
  while (!candidates.empty()) {
    // One round: every place of the best pair, before any pair that the round itself makes.
    const std::int32_t rank = candidates.top().rank;
    joined_at.clear();
    for (; !candidates.empty() && candidates.top().rank == rank; candidates.pop()) {
      const Candidate c = candidates.top();
      const std::size_t right = next[c.at];
      if (symbol[c.at] != c.left || right >= n || symbol[right] != c.right) continue;  // overtaken by another join
      symbol[c.at] = c.joined;
      symbol[right] = kGone;
      next[c.at] = next[right];
      if (next[right] < n) previous[next[right]] = c.at;
      joined_at.push_back(c.at);
    }
    for (const std::size_t at : joined_at) {
      if (at > 0) offer(previous[at]);
      offer(at);
    }
  }
  for (std::size_t i = 0; i < n; i = next[i]) ids.push_back(symbol[i]);
}

}  // namespace warifu
