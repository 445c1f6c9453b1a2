#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"
#include "index/row_filter.h"
#include "index/stop_check.h"

namespace warifu {

struct Hit {
  std::int64_t row = 0;
  std::uint32_t distance = 0;  // Hamming, 0 … bits
  auto operator<=>(const Hit&) const = default;
};

// The order of every result: by distance, then by row, so that it is a function of the data alone.
constexpr bool nearer(const Hit& a, const Hit& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

inline constexpr std::size_t kAllHits = std::numeric_limits<std::size_t>::max();

struct NearestOptions {
  std::size_t k = 10;                         // at least 1
  std::optional<std::uint32_t> max_distance;  // farther ones are left out; with k = kAllHits the complete range search
  const RowFilter* filter = nullptr;          // lives as long as the call; null: all rows
  StopCheck stop;
  // The only approximate mode: look into so many clusters at most (an index without clusters looks everywhere).
  // 0: exact.
  std::size_t max_clusters = 0;
};

struct NearestHits {
  std::vector<std::vector<Hit>> hits;  // [query], each in the order of nearer()
  bool exact = true;
  // Where not exact: the share of the k nearest that a search so capped finds, by distance, in the mean over stored
  // codes that were asked for as a sample.
  double measured_recall = 1;
  // Codes compared with, over codes there are, in the mean over the queries: what pruning saved.
  double scanned_share = 1;
};

// Finds the nearest codes to queries, exactly: the hits are those of sorting everything by (distance, row).
//
// Thread safety: everything const may run concurrently with itself.
class Index {
 public:
  virtual ~Index() = default;
  virtual const CodeSpace& space() const = 0;
  virtual Modality modality() const = 0;
  virtual std::size_t size() const = 0;

  // Up to k hits for each row of `queries`, which are of `query_space`; on thread_count() threads, which share a
  // single query too where it is scanned. kIncompatible if the queries are of another space than the index;
  // kInvalidArgument if k is 0 or a query has bits set beyond its length; kUnavailable when told to stop.
  Result<NearestHits> search(const CodeSpace& query_space, const CodeMatrix& queries,
                             const NearestOptions& options) const;
  // One query of so many words; kInvalidArgument also where they are not as many as the space asks for.
  Result<std::vector<Hit>> search(const CodeSpace& query_space, std::span<const std::uint64_t> query, std::size_t k,
                                  const RowFilter& filter) const;

  // The stored code of a row as a matrix of one, or nothing.
  virtual std::optional<CodeMatrix> code_of(std::int64_t row) const = 0;

 protected:
  // The same without checks: at least one query, of this space; k >= 1.
  virtual Result<NearestHits> nearest(const CodeMatrix& queries, const NearestOptions& options) const = 0;
};

}  // namespace warifu
