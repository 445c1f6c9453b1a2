#include "segments/memory_codes.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstring>
#include <numeric>

namespace warifu {

// Fixed room; when it is full its codes move to a larger one, and views keep the old one.
struct MemoryStorage {
  MemoryStorage(std::size_t codes, std::uint32_t bits)
      : blocks(codes, bits), rows(codes), older(codes), slots(std::bit_ceil(2 * codes)) {}

  std::size_t first_slot(std::int64_t row) const {
    return (static_cast<std::uint64_t>(row) * 0x9E3779B97F4A7C15ULL) >> (64 - std::countr_zero(slots.size()));
  }
  // The slot of a row, or the empty one where it belongs.
  std::size_t slot_of(std::int64_t row, std::uint32_t& newest) const {
    for (std::size_t slot = first_slot(row);; slot = (slot + 1) % slots.size()) {
      newest = slots[slot].load(std::memory_order_acquire);
      if (newest == 0 || rows[newest - 1] == row) return slot;
    }
  }
  void enter(std::int64_t row, std::uint32_t position) {
    std::uint32_t newest = 0;
    const std::size_t slot = slot_of(row, newest);
    rows[position] = row;
    older[position] = newest;
    slots[slot].store(position + 1, std::memory_order_release);
  }

  CodeBlocks blocks;
  std::vector<std::int64_t> rows;
  std::vector<std::uint32_t> older;  // 1 + the position the row had before; 0: none
  // 1 + the newest position of a row; 0: empty. Readers walk them while they are entered.
  std::vector<std::atomic<std::uint32_t>> slots;
};

namespace {

constexpr std::size_t kFirstRoom = 1024;

bool bit(std::span<const std::uint64_t> bits, std::size_t i) { return (bits[i / 64] >> (i % 64)) & 1U; }

}  // namespace

void copy_code(const BlockView& source, std::size_t from, std::span<std::uint8_t> planes, std::size_t to) {
  const std::size_t bytes = source.bytes_per_code();
  std::uint8_t* const lane = planes.data() + (to / kBlockCodes) * bytes * kBlockCodes + to % kBlockCodes;
  for (std::size_t p = 0; p < bytes; ++p) lane[p * kBlockCodes] = source.byte(from, p);
}

std::size_t MemoryView::live_count() const {
  return std::accumulate(live_.begin(), live_.end(), std::size_t{0}, [](std::size_t sum, std::uint64_t word) {
    return sum + static_cast<std::size_t>(std::popcount(word));
  });
}

void MemoryView::add_to(std::vector<SegmentView>& segments) const {
  const std::size_t whole = count_ / kBlockCodes * kBlockCodes;
  const std::size_t in_rest = whole == count_ ? 0 : static_cast<std::size_t>(std::popcount(live_[whole / kBlockCodes]));
  const std::size_t in_whole = live_count() - in_rest;
  const auto rows = [&](std::size_t begin, std::size_t end) {
    return RowsView::listed(std::span(storage_->rows).subspan(begin, end - begin), false);
  };
  if (in_whole > 0) {
    BlockView codes = storage_->blocks.view();
    codes.count = whole;
    segments.push_back({codes, rows(0, whole), live_.data(), in_whole});
  }
  if (in_rest > 0) segments.push_back({rest_.view(), rows(whole, count_), &live_[whole / kBlockCodes], in_rest});
}

std::optional<std::vector<std::uint64_t>> MemoryView::find(std::int64_t row) const {
  if (count_ == 0) return std::nullopt;
  std::uint32_t newest = 0;
  storage_->slot_of(row, newest);
  // Positions that came after this view lie in front.
  while (newest > count_) newest = storage_->older[newest - 1];
  if (newest == 0 || !bit(live_, newest - 1)) return std::nullopt;
  const std::size_t position = newest - 1;
  const std::size_t whole = count_ / kBlockCodes * kBlockCodes;
  const bool in_rest = position >= whole;
  const CodeMatrix code = in_rest ? unblock(rest_.view(), position - whole, position - whole + 1)
                                  : unblock(storage_->blocks.view(), position, position + 1);
  return std::vector(code.words().begin(), code.words().end());
}

std::size_t MemoryCodes::bytes() const { return count_ * ((std::size_t{bits_} + 7) / 8 + sizeof(std::int64_t)); }

std::optional<std::uint32_t> MemoryCodes::find(std::int64_t row) const {
  if (count_ == 0) return std::nullopt;
  std::uint32_t newest = 0;
  storage_->slot_of(row, newest);
  if (newest == 0 || !bit(live_, newest - 1)) return std::nullopt;
  return newest - 1;
}

void MemoryCodes::grow() {
  const std::size_t room = storage_ ? 2 * storage_->rows.size() : kFirstRoom;
  auto larger = std::make_shared<MemoryStorage>(room, bits_);
  if (storage_) {
    std::ranges::copy(storage_->blocks.planes(), larger->blocks.planes().begin());
    for (std::uint32_t position = 0; position < count_; ++position) larger->enter(storage_->rows[position], position);
  }
  storage_ = std::move(larger);
}

void MemoryCodes::append(std::int64_t row, std::span<const std::uint64_t> code) {
  assert(!find(row) && "a row is live at one position");
  if (!storage_ || count_ == storage_->rows.size()) grow();
  if (count_ % kBlockCodes == 0) live_.push_back(0);
  storage_->blocks.place(count_, code);
  storage_->enter(row, static_cast<std::uint32_t>(count_));
  live_[count_ / kBlockCodes] |= std::uint64_t{1} << (count_ % kBlockCodes);
  ++count_;
  ++live_count_;
}

void MemoryCodes::kill(std::uint32_t position) {
  live_[position / kBlockCodes] &= ~(std::uint64_t{1} << (position % kBlockCodes));
  --live_count_;
}

MemoryView MemoryCodes::view() const {
  MemoryView view;
  if (live_count_ == 0) return view;
  view.storage_ = storage_;
  view.count_ = count_;
  view.live_ = live_;
  const std::size_t rest = count_ % kBlockCodes;
  if (rest == 0) return view;
  view.rest_ = CodeBlocks(rest, bits_);
  const std::size_t block_bytes = view.rest_.view().block_bytes();
  std::memcpy(view.rest_.planes().data(), storage_->blocks.planes().data() + count_ / kBlockCodes * block_bytes,
              block_bytes);
  return view;
}

MemoryCodes::Sorted MemoryCodes::sorted() const {
  std::vector<std::uint32_t> positions;
  positions.reserve(live_count_);
  for (std::uint32_t i = 0; i < count_; ++i)
    if (bit(live_, i)) positions.push_back(i);
  std::ranges::sort(positions, {}, [&](std::uint32_t i) { return storage_->rows[i]; });
  Sorted sorted{{}, CodeBlocks(positions.size(), bits_)};
  sorted.rows.reserve(positions.size());
  for (const std::uint32_t position : positions) {
    copy_code(storage_->blocks.view(), position, sorted.codes.planes(), sorted.rows.size());
    sorted.rows.push_back(storage_->rows[position]);
  }
  return sorted;
}

}  // namespace warifu
