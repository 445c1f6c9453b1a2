#include "segments/code_snapshot.h"

#include <utility>

#include "segments/mapped_segment.h"

namespace warifu {

CodeSnapshot::CodeSnapshot(CodeSpace space, Modality modality, std::uint64_t version, std::vector<Mapped> mapped,
                           MemoryView memory)
    : space_(std::move(space)),
      modality_(modality),
      version_(version),
      mapped_(std::move(mapped)),
      memory_(std::move(memory)) {
  for (const Mapped& segment : mapped_)
    if (segment.live_count > 0)
      segments_.push_back({segment.file->codes(), segment.file->rows(), segment.live ? segment.live->data() : nullptr,
                           segment.live_count});
  in_files_ = segments_.size();
  memory_.add_to(segments_);
  for (const SegmentView& segment : segments_) count_ += segment.live_count;
}

std::optional<std::vector<std::uint64_t>> CodeSnapshot::find(std::int64_t row) const {
  if (auto code = memory_.find(row)) return code;
  for (const SegmentView& segment : std::span(segments_).first(in_files_)) {
    const auto position = segment.rows.find(row);
    if (!position) continue;
    if (segment.live != nullptr && ((segment.live[*position / 64] >> (*position % 64)) & 1U) == 0) continue;
    const CodeMatrix code = unblock(segment.codes, *position, *position + 1);
    return std::vector(code.words().begin(), code.words().end());
  }
  return std::nullopt;
}

}  // namespace warifu
