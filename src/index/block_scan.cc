#include "index/block_scan.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>
#include <mutex>

#include "base/parallel.h"
#include "codes/block_kernels.h"

namespace warifu {
namespace {

// Queries that go over a tile of codes together, and the bytes of a tile: it stays in the first-level cache while they
// do. A single query needs none, but asks so often whether it should stop.
constexpr std::size_t kQueriesTogether = 256;
constexpr std::size_t kTileBytes = std::size_t{32} << 10;
constexpr std::size_t kTileBytesAlone = std::size_t{256} << 10;
// What one thread scans at a time, at least, where the codes are split, and the size in bytes from which that pays.
constexpr std::size_t kPieceBytes = std::size_t{32} << 10;
constexpr std::size_t kBytesForThreads = std::size_t{1} << 20;

// Where a limit is guessed for large k from a sample: so many blocks in runs of so many.
constexpr std::size_t kSampleFromK = 256;
constexpr std::size_t kSampleRuns = 32;
constexpr std::size_t kSampleRunBlocks = 8;
constexpr std::size_t kSampleBlocks = kSampleRuns * kSampleRunBlocks;

// Up to this k, and only where positions break ties, a thread keeps the memory of its collectors: some 12 MiB for
// codes of a few hundred bits.
constexpr std::size_t kCollectorsKeptToK = 2048;
constexpr std::size_t kCollectorsKeptToBits = 1024;

struct BlockSpan {
  std::size_t first = 0;
  std::size_t last = 0;
};

// Scans for some of the queries, on this thread.
class Pass {
 public:
  Pass(const BlockScan& scan, const std::uint32_t* const* queries, std::span<NearestCollector> collectors)
      : scan_(scan), queries_(queries), kernels_(chosen_block_kernels()) {
    for (NearestCollector& collector : collectors) collectors_.push_back(&collector);
    const std::size_t block_bytes = scan.segment.codes.bytes_per_code() * kBlockCodes;
    tile_ = std::max<std::size_t>(4, (collectors.size() == 1 ? kTileBytesAlone : kTileBytes) / block_bytes);
    open_.resize(tile_);
  }

  // False when told to stop.
  bool over(BlockSpan blocks) {
    for (std::size_t first = blocks.first; first < blocks.last; first += tile_) {
      if (scan_.stop.due()) return false;
      const std::size_t last = std::min(first + tile_, blocks.last);
      BlockRange range{scan_.segment.codes, first, last, open_lanes(first, last)};
      kernels_.nearest(range, queries_, collectors_.data(), collectors_.size());
    }
    return true;
  }

 private:
  // Of the blocks first … last - 1; null where all are open.
  const std::uint64_t* open_lanes(std::size_t first, std::size_t last) {
    const std::uint64_t* const live = scan_.segment.live;
    if (scan_.filter == nullptr || scan_.filter->allows_all()) return live == nullptr ? nullptr : live + first;
    for (std::size_t block = first; block < last; ++block)
      open_[block - first] =
          scan_.filter->allowed_in(scan_.segment.rows, block) & (live == nullptr ? ~std::uint64_t{0} : live[block]);
    return open_.data();
  }

  const BlockScan& scan_;
  const std::uint32_t* const* queries_;
  const BlockKernels& kernels_;
  std::vector<NearestCollector*> collectors_;
  std::size_t tile_ = 0;
  std::vector<std::uint64_t> open_;
};

// Limits that most likely leave the k nearest and not many more, from a sample of the blocks: without one, k ln(n / k)
// codes would be kept on the way to them.
void sample_limits(const BlockScan& scan, const std::uint32_t* const* queries, std::span<std::uint32_t> limits) {
  const std::size_t blocks = scan.segment.codes.blocks();
  if (scan.k < kSampleFromK || scan.k == NearestCollector::kAll || blocks < 16 * kSampleBlocks ||
      scan.k * 16 > scan.segment.codes.count)
    return;
  // Of the k nearest so many lie in the sample; four standard deviations more are waited for.
  const double expected = static_cast<double>(scan.k) * kSampleBlocks / static_cast<double>(blocks);
  const auto enough = static_cast<std::size_t>(expected + 4 * std::sqrt(expected) + 2);
  thread_local std::vector<NearestCollector> kept;
  std::vector<NearestCollector> own;
  std::vector<NearestCollector>& all = scan.segment.codes.bits <= kCollectorsKeptToBits ? kept : own;
  if (all.size() < limits.size()) all.resize(limits.size());
  const auto collectors = std::span(all).first(limits.size());
  for (std::size_t q = 0; q < limits.size(); ++q) collectors[q].start(enough, limits[q]);
  Pass pass(scan, queries, collectors);
  for (std::size_t run = 0; run < kSampleRuns; ++run) {
    const std::size_t first = run * (blocks / kSampleRuns);
    if (!pass.over({first, first + kSampleRunBlocks})) return;
  }
  for (std::size_t q = 0; q < limits.size(); ++q) limits[q] = std::min(limits[q], collectors[q].limit() + 1);
}

// The k nearest and, where asked for, what is as near as the last of them.
void cut(std::vector<Candidate>& candidates, std::size_t k, Ties ties) {
  std::ranges::sort(candidates);
  if (candidates.size() <= k) return;
  std::size_t end = k;
  if (ties == Ties::kAll)
    while (end < candidates.size() && candidates[end].distance == candidates[k - 1].distance) ++end;
  candidates.resize(end);
}

// All queries of a few over the codes, which are split over the threads: each has a share, which it scans piece by
// piece, and then helps the others with theirs, so that one that is held up keeps nobody waiting.
class SplitCodes {
 public:
  SplitCodes(const BlockScan& scan, const PreparedQueries& queries, std::span<const std::uint32_t> limits)
      : scan_(scan),
        queries_(queries),
        limits_(limits),
        piece_(std::max<std::size_t>(1, kPieceBytes / (scan.segment.codes.bytes_per_code() * kBlockCodes))),
        shares_(thread_count()),
        found_(limits.size()) {
    const std::size_t blocks = scan.segment.codes.blocks();
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      shares_[i].next = blocks * i / shares_.size();
      shares_[i].last = blocks * (i + 1) / shares_.size();
    }
  }

  std::vector<std::vector<Candidate>> run() {
    parallel_for(shares_.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t worker = begin; worker < end; ++worker) work(worker);
    });
    for (auto& candidates : found_) cut(candidates, scan_.k, scan_.ties);
    return std::move(found_);
  }

 private:
  // In a cache line of its own: one that threads write to in turn takes longer to come than a piece to scan.
  struct alignas(64) Share {
    std::atomic<std::size_t> next{0};  // block
    std::size_t last = 0;
    bool done() const { return next.load(std::memory_order_relaxed) >= last; }
  };

  // The next blocks of a share: many while many are left, so that threads seldom take some and still end together.
  BlockSpan next_piece(Share& share) const {
    std::size_t first = share.next.load(std::memory_order_relaxed);
    while (first < share.last) {
      const std::size_t last = std::min(share.last, first + std::max(piece_, (share.last - first) / 4));
      if (share.next.compare_exchange_weak(first, last, std::memory_order_relaxed)) return {first, last};
    }
    return {};
  }

  void work(std::size_t worker) {
    std::vector<std::uint32_t> limits(limits_.begin(), limits_.end());
    for (std::size_t i = 0; i < shares_.size(); ++i)
      if (Share& share = shares_[(worker + i) % shares_.size()]; !share.done()) scan_share(share, limits);
  }

  // What is left of a share; the limits fall. Its pieces ascend, as collectors ask for; those of another share need
  // not, and so a code as far as what was found there may still come first.
  void scan_share(Share& share, std::vector<std::uint32_t>& limits) {
    std::vector<NearestCollector> collectors(limits.size());
    for (std::size_t q = 0; q < limits.size(); ++q) collectors[q].start(scan_.k, limits[q], scan_.ties);
    Pass pass(scan_, queries_.from(0), collectors);
    for (BlockSpan piece = next_piece(share); piece.first < piece.last; piece = next_piece(share))
      if (!pass.over(piece)) return;
    for (std::size_t q = 0; q < limits.size(); ++q) limits[q] = std::min(limits[q], collectors[q].limit() + 1);
    const std::scoped_lock lock(mutex_);
    for (std::size_t q = 0; q < limits.size(); ++q) {
      const auto nearest = collectors[q].nearest();
      found_[q].insert(found_[q].end(), nearest.begin(), nearest.end());
    }
  }

  const BlockScan& scan_;
  const PreparedQueries& queries_;
  std::span<const std::uint32_t> limits_;
  std::size_t piece_;
  std::vector<Share> shares_;
  std::vector<std::vector<Candidate>> found_;
  std::mutex mutex_;
};

// The few codes that a filter lets through, found by their rows instead of by looking at every block.
class FewCodes {
 public:
  // Whether that is worth it.
  static bool suits(const BlockScan& scan) {
    constexpr std::size_t kBlocksOfARow = 64;
    return scan.filter != nullptr && !scan.filter->allows_all() && scan.segment.rows.ascending() &&
           scan.filter->count() * kBlocksOfARow < scan.segment.codes.blocks();
  }

  explicit FewCodes(const BlockScan& scan) : scan_(scan) {
    for (const std::int64_t row : scan.filter->rows()) {
      const auto position = scan.segment.rows.find(row);
      if (!position) continue;
      const std::size_t block = *position / kBlockCodes;
      if (blocks_.empty() || blocks_.back() != block) {
        blocks_.push_back(block);
        allowed_.push_back(0);
      }
      allowed_.back() |= std::uint64_t{1} << (*position % kBlockCodes);
    }
    for (std::size_t i = 0; scan.segment.live != nullptr && i < blocks_.size(); ++i)
      allowed_[i] &= scan.segment.live[blocks_[i]];
  }

  std::vector<Candidate> nearest(const std::uint32_t* query, std::uint32_t limit) const {
    NearestCollector collector(scan_.k, limit, scan_.ties);
    NearestCollector* collectors = &collector;
    for (std::size_t i = 0; i < blocks_.size(); ++i)
      chosen_block_kernels().nearest({scan_.segment.codes, blocks_[i], blocks_[i] + 1, &allowed_[i]}, &query,
                                     &collectors, 1);
    return collector.nearest();
  }

 private:
  const BlockScan& scan_;
  std::vector<std::size_t> blocks_;
  std::vector<std::uint64_t> allowed_;  // [blocks_]
};

// Some of many queries over all codes, on this thread.
void scan_together(const BlockScan& scan, const PreparedQueries& queries, std::size_t begin, std::size_t end,
                   std::span<const std::uint32_t> limits, std::vector<std::vector<Candidate>>& found) {
  // Kept for the next call where they are small: memory that comes from the system page by page costs more than a
  // query.
  thread_local std::vector<NearestCollector> kept;
  std::vector<NearestCollector> own;
  std::vector<NearestCollector>& all =
      scan.k <= kCollectorsKeptToK && scan.ties == Ties::kFirst && scan.segment.codes.bits <= kCollectorsKeptToBits
          ? kept
          : own;
  if (all.size() < end - begin) all.resize(end - begin);
  const auto collectors = std::span(all).first(end - begin);
  for (std::size_t q = begin; q < end; ++q) collectors[q - begin].start(scan.k, limits[q], scan.ties);
  if (!Pass(scan, queries.from(begin), collectors).over({0, scan.segment.codes.blocks()})) return;
  for (std::size_t q = begin; q < end; ++q) found[q] = collectors[q - begin].nearest();
}

}  // namespace

PreparedQueries::PreparedQueries(const CodeMatrix& queries) {
  const std::size_t bytes = (queries.bits() + 7) / 8;
  planes_.reserve(queries.count() * bytes);
  for (std::size_t q = 0; q < queries.count(); ++q) {
    const auto planes = query_planes(queries.row(q), static_cast<std::uint32_t>(queries.bits()));
    planes_.insert(planes_.end(), planes.begin(), planes.end());
  }
  for (std::size_t q = 0; q < queries.count(); ++q) pointers_.push_back(planes_.data() + q * bytes);
}

PreparedQueries PreparedQueries::only(std::span<const std::size_t> queries) const {
  PreparedQueries some;
  for (const std::size_t query : queries) some.pointers_.push_back(pointers_[query]);
  return some;
}

std::vector<std::vector<Candidate>> scan_segment(const BlockScan& scan, const PreparedQueries& queries,
                                                 std::span<const std::uint32_t> limits) {
  assert(limits.size() == queries.count() && "one limit for each query");
  assert(scan.segment.rows.count() == scan.segment.codes.count && "one row for each code");
  if (scan.segment.codes.count == 0) return std::vector<std::vector<Candidate>>(queries.count());
  if (FewCodes::suits(scan)) {
    const FewCodes few(scan);
    std::vector<std::vector<Candidate>> found(queries.count());
    for (std::size_t q = 0; q < queries.count() && !scan.stop.due(); ++q) found[q] = few.nearest(queries[q], limits[q]);
    return found;
  }
  const std::size_t threads = thread_count();
  const bool split_codes = scan.segment.codes.block_bytes() * queries.count() >= kBytesForThreads &&
                           queries.count() < 8 * threads && threads > 1;
  std::vector<std::uint32_t> sampled(limits.begin(), limits.end());
  std::vector<std::vector<Candidate>> found(queries.count());
  if (split_codes) {
    sample_limits(scan, queries.from(0), sampled);
    found = SplitCodes(scan, queries, sampled).run();
  } else {
    const std::size_t group = std::min(kQueriesTogether, (queries.count() + threads - 1) / threads);
    parallel_for((queries.count() + group - 1) / group, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t g = begin; g < end; ++g) {
        const std::size_t first = g * group;
        const std::size_t last = std::min(queries.count(), first + group);
        sample_limits(scan, queries.from(first), std::span(sampled).subspan(first, last - first));
        scan_together(scan, queries, first, last, sampled, found);
      }
    });
  }
  // A sample can lie: where too few were below its limit, once more without.
  for (std::size_t q = 0; q < queries.count(); ++q)
    if (sampled[q] < limits[q] && found[q].size() < scan.k && !scan.stop.due())
      scan_together(scan, queries, q, q + 1, limits, found);
  return found;
}

}  // namespace warifu
