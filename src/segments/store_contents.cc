#include "segments/store_contents.h"

#include <algorithm>
#include <ranges>

namespace warifu {

std::optional<std::size_t> LiveSegment::find(std::int64_t row) const {
  const RowsView rows = file_->rows();
  // Most rows lie outside most segments; two looks spare the search.
  if (rows.count() == 0 || row < rows[0] || row > rows[rows.count() - 1]) return std::nullopt;
  const auto position = rows.find(row);
  return position && live(*position) ? position : std::nullopt;
}

bool LiveSegment::kill(std::size_t position) {
  if (!live(position)) return false;
  if (!live_)
    live_ = std::make_shared<LiveBits>(file_->codes().blocks(), ~std::uint64_t{0});
  else if (shared_)
    live_ = std::make_shared<LiveBits>(*live_);
  shared_ = false;
  (*live_)[position / 64] &= ~(std::uint64_t{1} << (position % 64));
  --live_count_;
  unsaved_.push_back(static_cast<std::uint32_t>(position));
  return true;
}

CodeSnapshot::Mapped LiveSegment::share() {
  shared_ = true;
  return {file_, live_, live_count_};
}

DeletedPositions LiveSegment::unsaved() const {
  DeletedPositions deleted{stored_.number, unsaved_};
  std::ranges::sort(deleted.positions);
  return deleted;
}

DeletedPositions LiveSegment::all_dead() const {
  DeletedPositions deleted{stored_.number, {}};
  deleted.positions.reserve(count() - live_count_);
  for (std::size_t i = 0; i < count() && live_; ++i)
    if (!live(i)) deleted.positions.push_back(static_cast<std::uint32_t>(i));
  return deleted;
}

void StoreContents::remove(std::int64_t row) {
  if (const auto position = memory_.find(row)) {
    memory_.kill(*position);
    return;
  }
  // What is replaced is new more often than old.
  for (LiveSegment& segment : std::views::reverse(segments_)) {
    if (const auto position = segment.find(row)) {
      segment.kill(*position);
      return;
    }
  }
}

void StoreContents::put(std::int64_t row, std::span<const std::uint64_t> code) {
  remove(row);
  memory_.append(row, code);
}

void StoreContents::apply(const LoggedChange& change) {
  const std::size_t words = (std::size_t{bits_} + 63) / 64;
  for (std::size_t i = 0; i < change.rows.size(); ++i) {
    const auto row = static_cast<std::int64_t>(change.rows[i]);
    if (change.kind == ChangeKind::kPut)
      put(row, change.codes.subspan(i * words, words));
    else
      remove(row);
  }
}

std::size_t StoreContents::live_count() const {
  std::size_t count = memory_.live_count();
  for (const LiveSegment& segment : segments_) count += segment.live_count();
  return count;
}

void StoreContents::flushed(std::optional<LiveSegment> segment) {
  memory_ = MemoryCodes(bits_);
  for (LiveSegment& older : segments_) older.forget_unsaved();
  if (segment) segments_.push_back(std::move(*segment));
}

std::shared_ptr<const CodeSnapshot> StoreContents::snapshot(const CodeSpace& space, Modality modality,
                                                            std::uint64_t version) {
  std::vector<CodeSnapshot::Mapped> mapped;
  mapped.reserve(segments_.size());
  for (LiveSegment& segment : segments_) mapped.push_back(segment.share());
  return std::make_shared<const CodeSnapshot>(space, modality, version, std::move(mapped), memory_.view());
}

}  // namespace warifu
