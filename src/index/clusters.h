#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "index/block_scan.h"
#include "segments/segment_view.h"

// Inside index/: exact search that looks at a small part of the codes.
//
// Codes lie in clusters around centres, ordered by their distance to the centre. With d the distance from the query to
// a centre, a code at distance r from that centre is at least |d - r| away (triangle inequality): whole clusters, and
// inside one all but a run of blocks, are farther than what was found already and are never read. Codes of up to 64
// bits are often equal; each distinct one lies there once, with the positions that have it.
//
// Where the codes have no structure nothing can be skipped. That is noticed after a few clusters, from what is left to
// read, and the query goes to the plain scan; after a row of such queries only one in some tens is tried here at all.
namespace warifu {

class Clusters {
 public:
  // Over all positions of a segment with ascending rows, live or not; with the places that fill up blocks, 63 a cluster
  // at most, they must stay below 2^32. `clusters` 0: by the number of codes. Deterministic in `seed`. About 0.5 s and
  // 30 bytes a code at 64 bits for a million on two threads.
  static std::shared_ptr<const Clusters> build(const SegmentView& segment, std::size_t clusters = 0,
                                               std::uint64_t seed = 1);

  struct Answer {
    std::vector<std::vector<Candidate>> found;  // as scan_segment gives them
    double scanned_share = 0;                   // codes compared with / codes, mean over the queries
  };
  // As scan_segment over the segment that this was built from (`live` and the filter may differ). max_clusters: look
  // into so many at most, 0: exact.
  Answer search(const BlockScan& scan, const PreparedQueries& queries, std::span<const std::uint32_t> limits,
                std::size_t max_clusters) const;

  // The share of the k nearest, by distance, that a search capped at max_clusters finds, in the mean over a sample of
  // stored codes with one bit in 32 flipped. Measured once for each (k, max_clusters), then remembered.
  double measured_recall(const BlockScan& scan, std::size_t max_clusters) const;

  std::size_t clusters() const { return first_block_.size() - 1; }
  std::size_t distinct() const { return distinct_; }
  std::size_t bytes() const;  // of memory

 private:
  class Query;

  Clusters() = default;
  std::span<const std::uint32_t> positions_of(std::size_t slot) const {
    if (first_position_.empty()) return {&positions_[slot], 1};
    return std::span(positions_).subspan(first_position_[slot], first_position_[slot + 1] - first_position_[slot]);
  }
  // From memory, of a few slots at once before they are looked at one after the other.
  void ask_for_positions(std::size_t slot) const {
    __builtin_prefetch(first_position_.empty() ? &positions_[slot] : &first_position_[slot]);
  }
  bool seems_to_pay() const;
  void note(bool paid) const;

  CodeBlocks centres_;
  CodeBlocks slots_;                        // distinct codes by cluster, each cluster from a whole block on
  std::vector<std::uint64_t> open_;         // [blocks]: lanes that hold a code
  std::vector<std::uint32_t> first_block_;  // [clusters + 1]
  std::vector<std::uint16_t> least_;        // [clusters]: least distance of a code to its centre
  std::vector<std::uint16_t> greatest_;     // [clusters]: greatest; below least_ for an empty cluster
  std::vector<std::uint16_t> nearest_;    // [blocks]: least distance of a code to its centre; it grows within a cluster
  std::vector<std::uint16_t> farthest_;   // [blocks]: greatest
  std::vector<std::uint32_t> positions_;  // in the segment, of slot after slot, ascending in each
  std::vector<std::uint32_t> first_position_;  // [slots + 1] into positions_; empty: slot i has positions_[i] alone
  std::size_t distinct_ = 0;

  mutable std::atomic<std::uint32_t> in_vain_{0};  // queries in a row that ended in the plain scan
  mutable std::atomic<std::uint32_t> asked_{0};
  mutable std::mutex recall_mutex_;
  mutable std::map<std::pair<std::size_t, std::size_t>, double> recall_;
};

}  // namespace warifu
