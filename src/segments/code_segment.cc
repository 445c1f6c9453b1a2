#include "segments/code_segment.h"

#include <utility>

#include "base/file.h"
#include "segments/code_segment_format.h"
#include "segments/code_segment_v1.h"
#include "segments/code_segment_view.h"

namespace warifu {
namespace {

// From bytes that a view may be made of.
Result<CodeSegment> parse_code_segment_v2(std::span<const std::byte> bytes) {
  auto view = view_code_segment(bytes, SegmentCheck::kWhole);
  if (!view) return std::unexpected(view.error());
  CodeSegment segment;
  segment.space = std::move(view->space);
  segment.modality = view->modality;
  segment.rows.resize(view->rows.count());
  for (std::size_t i = 0; i < segment.rows.size(); ++i) segment.rows[i] = view->rows[i];
  segment.codes = unblock(view->codes);
  return segment;
}

bool aligned_for_view(std::span<const std::byte> bytes) {
  return reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::int64_t) == 0;
}

}  // namespace

Result<CodeSegment> parse_code_segment(std::span<const std::byte> bytes) {
  const auto version = segment_version(bytes);
  if (!version) return std::unexpected(version.error());
  if (*version == 1) return parse_code_segment_v1(bytes);
  if (aligned_for_view(bytes)) return parse_code_segment_v2(bytes);
  return parse_code_segment_v2(std::vector<std::byte>(bytes.begin(), bytes.end()));
}

Result<CodeSegment> read_code_segment(const std::filesystem::path& path) {
  constexpr std::size_t kMaxFileBytes = std::size_t{1} << 40;
  const auto bytes = read_file(path, kMaxFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto segment = parse_code_segment(*bytes);
  if (!segment) return with_context(path.string(), segment.error());
  return segment;
}

}  // namespace warifu
