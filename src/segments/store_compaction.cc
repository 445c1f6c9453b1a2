#include "segments/store_compaction.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

#include "segments/mapped_segment.h"
#include "segments/memory_codes.h"

namespace warifu {
namespace {

constexpr std::size_t kMinRun = 4;

// Sizes within a factor of 4 share a tier.
int tier(std::size_t live) { return static_cast<int>(std::bit_width(live)) / 2; }

std::optional<SegmentRun> run_up_to_tier(std::span<const SegmentSize> segments, int highest, std::size_t max_codes) {
  SegmentRun run;
  std::size_t live = 0;
  std::size_t largest = 0;
  for (std::size_t i = 0; i <= segments.size(); ++i) {
    const bool fits = i < segments.size() && tier(segments[i].live) <= highest && segments[i].live <= max_codes / 4 &&
                      live + segments[i].live <= max_codes;
    if (fits) {
      live += segments[i].live;
      largest = std::max(largest, segments[i].live);
      ++run.count;
      continue;
    }
    if (run.count >= kMinRun && 2 * largest <= live) return run;
    run = {i + 1, 0};
    live = largest = 0;
  }
  return std::nullopt;
}

// Walks the live positions of one source.
class LiveCursor {
 public:
  explicit LiveCursor(const CodeSnapshot::Mapped& source)
      : codes_(source.file->codes()), rows_(source.file->rows()), live_(source.live.get()) {
    settle();
  }
  bool at_end() const { return at_ == codes_.count; }
  std::size_t position() const { return at_; }
  std::int64_t row() const { return rows_[at_]; }
  const BlockView& codes() const { return codes_; }
  void next() {
    ++at_;
    settle();
  }

 private:
  void settle() {
    while (live_ != nullptr && at_ < codes_.count && (((*live_)[at_ / 64] >> (at_ % 64)) & 1U) == 0) ++at_;
  }
  BlockView codes_;
  RowsView rows_;
  const LiveBits* live_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<SegmentRun> choose_compaction(std::span<const SegmentSize> segments, std::size_t max_codes) {
  for (std::size_t i = 0; i < segments.size(); ++i)
    if ((segments[i].count - segments[i].live) * 4 > segments[i].count && segments[i].live <= max_codes)
      return SegmentRun{i, 1};
  for (int highest = 0; highest <= tier(max_codes); ++highest)
    if (const auto run = run_up_to_tier(segments, highest, max_codes)) return run;
  return std::nullopt;
}

std::optional<SegmentRun> choose_full_compaction(std::span<const SegmentSize> segments, std::size_t from,
                                                 std::size_t max_codes) {
  while (from < segments.size()) {
    SegmentRun run{from, 1};
    std::size_t live = segments[from].live;
    bool dead = segments[from].live < segments[from].count;
    for (std::size_t i = from + 1; i < segments.size() && live + segments[i].live <= max_codes; ++i) {
      live += segments[i].live;
      dead = dead || segments[i].live < segments[i].count;
      ++run.count;
    }
    if ((dead || run.count > 1) && live <= max_codes) return run;
    from += run.count;
  }
  return std::nullopt;
}

Result<MergedCodes> merge_codes(std::span<const CodeSnapshot::Mapped> sources, std::uint32_t bits,
                                const std::atomic<bool>& stop) {
  constexpr std::size_t kCodesBetweenLooks = 4096;
  std::size_t count = 0;
  std::vector<LiveCursor> cursors;
  using Next = std::pair<std::int64_t, std::size_t>;  // row, cursor
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
  for (const CodeSnapshot::Mapped& source : sources) {
    count += source.live_count;
    cursors.emplace_back(source);
    if (!cursors.back().at_end()) next.emplace(cursors.back().row(), cursors.size() - 1);
  }
  MergedCodes merged{{}, CodeBlocks(count, bits)};
  merged.rows.reserve(count);
  while (!next.empty()) {
    const auto [row, which] = next.top();
    next.pop();
    LiveCursor& cursor = cursors[which];
    copy_code(cursor.codes(), cursor.position(), merged.codes.planes(), merged.rows.size());
    merged.rows.push_back(row);
    cursor.next();
    if (!cursor.at_end()) next.emplace(cursor.row(), which);
    if (merged.rows.size() % kCodesBetweenLooks == 0 && stop)
      return fail(ErrorCode::kUnavailable, "compaction was stopped: the store is being closed");
  }
  return merged;
}

}  // namespace warifu
