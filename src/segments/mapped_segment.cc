#include "segments/mapped_segment.h"

#include <utility>

#include "segments/code_segment_format.h"
#include "segments/code_segment_v1.h"

namespace warifu {
namespace {

using Opened = Result<std::shared_ptr<const MappedSegment>>;

Opened convert_version_1(const std::filesystem::path& path, const MappedFile& file) {
  auto segment = parse_code_segment_v1(file.bytes());
  if (!segment) return std::unexpected(segment.error());
  if (segment->rows.size() > kMaxSegmentCodes)
    return fail(ErrorCode::kInvalidArgument, std::to_string(segment->rows.size()) + " codes; at most " +
                                                 std::to_string(kMaxSegmentCodes) + " can be searched as one segment");
  return std::make_shared<MappedSegment>(path, std::move(segment->space), segment->modality, std::move(segment->rows),
                                         CodeBlocks(segment->codes));
}

Opened open_mapping(const std::filesystem::path& path, MappedFile file, SegmentCheck check) {
  const auto version = segment_version(file.bytes());
  if (!version) return std::unexpected(version.error());
  if (check == SegmentCheck::kWhole || *version == 1) file.expect_whole_read();
  if (*version == 1) return convert_version_1(path, file);
  auto view = view_code_segment(file.bytes(), check);
  if (!view) return std::unexpected(view.error());
  return std::make_shared<MappedSegment>(path, std::move(file), std::move(*view));
}

}  // namespace

Opened MappedSegment::open(const std::filesystem::path& path, SegmentCheck check) {
  auto file = MappedFile::open(path);
  if (!file) return std::unexpected(file.error());
  auto segment = open_mapping(path, std::move(*file), check);
  if (!segment) return with_context(path.string(), segment.error());
  return segment;
}

MappedSegment::MappedSegment(std::filesystem::path path, MappedFile file, CodeSegmentView view)
    : path_(std::move(path)), file_(std::move(file)), view_(std::move(view)) {}

MappedSegment::MappedSegment(std::filesystem::path path, CodeSpace space, Modality modality,
                             std::vector<std::int64_t> rows, CodeBlocks codes)
    : path_(std::move(path)), rows_(std::move(rows)), blocks_(std::move(codes)) {
  view_.space = std::move(space);
  view_.modality = modality;
  view_.codes = blocks_.view();
  view_.codes.bits = view_.space.bits;
  const bool gapless =
      rows_.empty() || smallest_row_encoding(rows_.front(), rows_.back(), rows_.size()) == RowEncoding::kContiguous;
  view_.rows =
      gapless ? RowsView::contiguous(rows_.empty() ? 0 : rows_.front(), rows_.size()) : RowsView::listed(rows_, true);
  if (gapless) rows_ = {};
}

}  // namespace warifu
