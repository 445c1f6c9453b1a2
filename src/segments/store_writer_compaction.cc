// How a store writer takes part in compaction: it says what there is, and puts the result in its place.
#include <algorithm>
#include <bit>
#include <utility>

#include "segments/store_files.h"
#include "segments/store_writer.h"

namespace warifu {
namespace {

// Kills in `merged` what died in its source after the job began. Writers wait for it: a look at each word of bits,
// and a search for each of the dead.
void kill_late(const CodeSnapshot::Mapped& then, const LiveSegment& now, LiveSegment& merged) {
  const RowsView rows = now.file()->rows();
  for (std::size_t word = 0; 64 * word < now.count(); ++word) {
    const std::uint64_t lived = then.live ? (*then.live)[word] : ~std::uint64_t{0};
    for (std::uint64_t died = lived & ~now.live_word(word); died != 0; died &= died - 1) {
      const std::size_t position = 64 * word + static_cast<std::size_t>(std::countr_zero(died));
      if (const auto place = merged.find(rows[position])) merged.kill(*place);
    }
  }
}

}  // namespace

std::vector<SegmentSize> StoreWriter::segment_sizes() const {
  std::vector<SegmentSize> sizes;
  for (const LiveSegment& segment : contents_.segments()) sizes.push_back({segment.count(), segment.live_count()});
  return sizes;
}

std::size_t StoreWriter::max_compacted_codes() const {
  const std::size_t bytes_per_code = (std::size_t{manifest_.space.bits} + 7) / 8 + sizeof(std::int64_t);
  return std::clamp<std::size_t>(options_.max_compacted_bytes / bytes_per_code, 1, std::size_t{1} << 31);
}

CompactionJob StoreWriter::begin_compaction(const SegmentRun& run) {
  CompactionJob job;
  for (LiveSegment& segment : std::span(contents_.segments()).subspan(run.first, run.count)) {
    job.stored.push_back(segment.stored());
    job.sources.push_back(segment.share());
  }
  job.output.number = next_number_++;
  job.output.last_sequence = job.stored.back().last_sequence;
  return job;
}

Result<std::optional<LiveSegment>> StoreWriter::write_merged(CompactionJob& job, const std::atomic<bool>& stop) const {
  const CodeSpace& space = job.sources.front().file->space();
  const Modality modality = job.sources.front().file->modality();
  const auto merged = merge_codes(job.sources, space.bits, stop);
  if (!merged) return std::unexpected(merged.error());
  if (merged->rows.empty()) return std::nullopt;
  auto segment = write_stored_segment(folder_, {.space = space, .modality = modality}, job.output, merged->rows,
                                      merged->codes.view());
  if (segment) return std::move(*segment);
  folder_.remove(job.output.file_name());
  return std::unexpected(segment.error());
}

Result<void> StoreWriter::install(const CompactionJob& job, std::optional<LiveSegment> merged) {
  std::vector<std::string> created;
  if (merged) created.push_back(merged->stored().file_name());
  const auto give_up = [&](const Error& error) {
    for (const std::string& name : created) folder_.remove(name);
    return std::unexpected(error);
  };
  if (auto ok = check_usable(); !ok) return give_up(ok.error());
  // Only flushes may have come in between, and they append.
  auto& segments = contents_.segments();
  const auto first = std::ranges::find_if(
      segments, [&](const LiveSegment& segment) { return segment.stored() == job.stored.front(); });
  const auto at = first - segments.begin();
  const auto count = static_cast<std::ptrdiff_t>(job.stored.size());
  if (merged)
    for (std::ptrdiff_t i = 0; i < count; ++i)
      if (first[i].live_count() != job.sources[static_cast<std::size_t>(i)].live_count)
        kill_late(job.sources[static_cast<std::size_t>(i)], first[i], *merged);

  StoreManifest next = manifest_;
  next.segments.erase(next.segments.begin() + at, next.segments.begin() + at + count);
  if (merged) {
    next.segments.insert(next.segments.begin() + at, merged->stored());
    if (auto ok = write_deletes(next, {merged->unsaved()}, created); !ok) return give_up(ok.error());
    merged->forget_unsaved();
  }
  if (auto ok = replace_manifest(next, created); !ok) return ok;

  segments.erase(first, first + count);
  if (merged) segments.insert(segments.begin() + at, std::move(*merged));
  const StoreManifest former = std::exchange(manifest_, std::move(next));
  ++stats_.compactions;
  compaction_error_.reset();
  publish();
  remove_unnamed(former);
  return {};
}

}  // namespace warifu
