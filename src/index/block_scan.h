#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codes/code_blocks.h"
#include "codes/nearest_collector.h"
#include "index/row_filter.h"
#include "index/stop_check.h"
#include "segments/segment_view.h"

// Inside index/: the exact scan of one segment, the work of every search that is not saved by pruning.
namespace warifu {

// Queries as the kernels read them.
class PreparedQueries {
 public:
  explicit PreparedQueries(const CodeMatrix& queries);
  PreparedQueries(const PreparedQueries&) = delete;
  PreparedQueries& operator=(const PreparedQueries&) = delete;
  PreparedQueries(PreparedQueries&&) = default;
  PreparedQueries& operator=(PreparedQueries&&) = default;
  ~PreparedQueries() = default;
  std::size_t count() const { return pointers_.size(); }
  const std::uint32_t* operator[](std::size_t query) const { return pointers_[query]; }
  const std::uint32_t* const* from(std::size_t query) const { return pointers_.data() + query; }
  // Some of them; they look at the memory of these.
  PreparedQueries only(std::span<const std::size_t> queries) const;

 private:
  PreparedQueries() = default;
  std::vector<std::uint32_t> planes_;
  std::vector<const std::uint32_t*> pointers_;
};

struct BlockScan {
  SegmentView segment;
  const RowFilter* filter = nullptr;  // null: all rows
  std::size_t k = 10;                 // or NearestCollector::kAll
  // Ties::kAll: everything as near as the k-th, for segments whose rows do not ascend.
  Ties ties = Ties::kFirst;
  StopCheck stop;
};

// For each query the k nearest positions that are live and allowed, and nearer than limits[query], in ascending
// (distance, position). Many queries are split over the threads; for a few, the codes are. Ends early, with what there
// is, when told to stop.
std::vector<std::vector<Candidate>> scan_segment(const BlockScan& scan, const PreparedQueries& queries,
                                                 std::span<const std::uint32_t> limits);

}  // namespace warifu
