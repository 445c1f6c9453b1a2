#include "codes/code_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

namespace warifu {
namespace {

// Pages of the system's larger size where there are enough codes: otherwise a search of a few clusters here and there
// waits for page tables as long as for codes.
constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kHugeFrom = 8 * kHugePage;

std::uint8_t* allocate_planes(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugeFrom ? kHugePage : kLine;
  void* const planes = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (planes == nullptr) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  if (alignment == kHugePage) static_cast<void>(::madvise(planes, bytes, MADV_HUGEPAGE));  // only a wish
#endif
  std::memset(planes, 0, bytes);
  return static_cast<std::uint8_t*>(planes);
}

std::uint8_t byte_of(std::span<const std::uint64_t> code, std::size_t p) {
  return static_cast<std::uint8_t>(code[p / 8] >> (8 * (p % 8)));
}

}  // namespace

CodeMatrix unblock(const BlockView& codes, std::size_t begin, std::size_t end) {
  assert(begin <= end && end <= codes.count && "positions of this view");
  CodeMatrix rows(end - begin, codes.bits);
  const std::size_t bytes = codes.bytes_per_code();
  for (std::size_t i = begin; i < end; ++i)
    for (std::size_t p = 0; p < bytes; ++p)
      rows.row(i - begin)[p / 8] |= std::uint64_t{codes.byte(i, p)} << (8 * (p % 8));
  return rows;
}

void block_codes(const CodeMatrix& codes, std::span<std::uint8_t> planes) {
  const std::size_t bytes = (codes.bits() + 7) / 8;
  const std::size_t block_bytes = bytes * kBlockCodes;
  for (std::size_t first = 0; first < codes.count(); first += kBlockCodes) {
    std::uint8_t* const block = planes.data() + first / kBlockCodes * block_bytes;
    const std::size_t lanes = std::min(kBlockCodes, codes.count() - first);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const auto code = codes.row(first + lane);
      for (std::size_t p = 0; p < bytes; ++p) block[p * kBlockCodes + lane] = byte_of(code, p);
    }
    for (std::size_t p = 0; lanes < kBlockCodes && p < bytes; ++p)
      std::memset(block + p * kBlockCodes + lanes, 0, kBlockCodes - lanes);
  }
}

CodeBlocks::CodeBlocks(const CodeMatrix& codes) : CodeBlocks(codes.count(), static_cast<std::uint32_t>(codes.bits())) {
  block_codes(codes, planes());
}

CodeBlocks::CodeBlocks(std::size_t count, std::uint32_t bits) : count_(count), bits_(bits) {
  const std::size_t bytes = view().block_bytes();
  if (bytes > 0) planes_.reset(allocate_planes(bytes));
}

void CodeBlocks::AlignedDelete::operator()(std::uint8_t* planes) const { std::free(planes); }

void CodeBlocks::place(std::size_t i, std::span<const std::uint64_t> code) {
  assert(i < count_ && code.size() == (std::size_t{bits_} + 63) / 64 && "a code of this length at one of its places");
  const std::size_t bytes = view().bytes_per_code();
  std::uint8_t* const lane = planes_.get() + (i / kBlockCodes) * bytes * kBlockCodes + i % kBlockCodes;
  for (std::size_t p = 0; p < bytes; ++p) lane[p * kBlockCodes] = byte_of(code, p);
}

std::vector<std::uint32_t> query_planes(std::span<const std::uint64_t> query, std::uint32_t bits) {
  std::vector<std::uint32_t> planes((std::size_t{bits} + 7) / 8);
  for (std::size_t p = 0; p < planes.size(); ++p) planes[p] = 0x01010101U * byte_of(query, p);
  return planes;
}

}  // namespace warifu
