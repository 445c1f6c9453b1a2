#include "io/trec.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace warifu {
namespace {

// Bytes of the white space character that `text` begins with, 0 if it begins with another.
// Beyond ASCII: the characters of Unicode's White_Space, at which Python's split() parts a line.
std::size_t space_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first <= 0x20 || first == 0x7F) return 1;
  constexpr std::array<std::string_view, 19> kWide = {
      "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
      "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  for (const std::string_view space : kWide)
    if (text.starts_with(space)) return space.size();
  return 0;
}

Fail empty_id() {
  return fail(ErrorCode::kInvalidArgument, "a line of a TREC file needs the ids of query and document");
}

}  // namespace

std::string trec_id(std::string_view id) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  while (!id.empty()) {
    const std::size_t escaped = id.front() == '%' ? 1 : space_length(id);
    for (const char c : id.substr(0, escaped)) {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15U]};
    }
    if (escaped == 0) encoded += id.front();
    id.remove_prefix(escaped == 0 ? 1 : escaped);
  }
  return encoded;
}

Result<TrecRunWriter> TrecRunWriter::open(const std::filesystem::path& path, std::string_view tag) {
  if (tag.empty()) return fail(ErrorCode::kInvalidArgument, "a TREC run needs a tag that names it");
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(std::move(file.error()));
  return TrecRunWriter(std::move(*file), trec_id(tag));
}

Result<void> TrecRunWriter::add(std::string_view query_id, std::string_view document_id, std::size_t rank,
                                double score) {
  if (query_id.empty() || document_id.empty()) return empty_id();
  if (rank == 0 || !std::isfinite(score))
    return fail(ErrorCode::kInvalidArgument,
                "document '" + std::string(document_id) + "': ranks begin with 1 and scores are finite");
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), score).ptr;
  return file_.write(trec_id(query_id) + " Q0 " + trec_id(document_id) + " " + std::to_string(rank) + " " +
                     std::string(digits.data(), end) + " " + tag_ + "\n");
}

Result<void> TrecRunWriter::close() { return file_.commit(); }

Result<TrecQrelsWriter> TrecQrelsWriter::open(const std::filesystem::path& path) {
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(std::move(file.error()));
  return TrecQrelsWriter(std::move(*file));
}

Result<void> TrecQrelsWriter::add(std::string_view query_id, std::string_view document_id, int relevance) {
  if (query_id.empty() || document_id.empty()) return empty_id();
  if (relevance < 0)
    return fail(ErrorCode::kInvalidArgument, "document '" + std::string(document_id) + "': relevance is negative");
  return file_.write(trec_id(query_id) + " 0 " + trec_id(document_id) + " " + std::to_string(relevance) + "\n");
}

Result<void> TrecQrelsWriter::close() { return file_.commit(); }

}  // namespace warifu
