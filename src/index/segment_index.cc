#include "index/segment_index.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "index/block_scan.h"

namespace warifu {
namespace {

std::optional<std::size_t> live_position(const SegmentView& segment, std::int64_t row) {
  if (segment.rows.ascending()) {
    const auto position = segment.rows.find(row);
    return position && segment.is_live(*position) ? position : std::nullopt;
  }
  for (std::size_t position = 0; position < segment.rows.count(); ++position)
    if (segment.rows[position] == row && segment.is_live(position)) return position;
  return std::nullopt;
}

std::size_t live_codes(const SegmentView& segment) {
  return segment.live == nullptr ? segment.codes.count : segment.live_count;
}

// Adds what one segment has to the k nearest of the segments before it.
void add(const SegmentView& segment, const std::vector<Candidate>& found, std::size_t k, std::vector<Hit>& hits) {
  std::vector<Hit> added;
  added.reserve(found.size());
  for (const Candidate& candidate : found) added.push_back({segment.rows[candidate.position], candidate.distance});
  if (!segment.rows.ascending()) std::ranges::sort(added, nearer);
  if (hits.empty()) {
    hits = std::move(added);
  } else {
    std::vector<Hit> both(hits.size() + added.size());
    std::ranges::merge(hits, added, both.begin(), nearer);
    hits = std::move(both);
  }
  if (hits.size() > k) hits.resize(k);
}

class SegmentIndex final : public Index {
 public:
  SegmentIndex(CodeSpace space, Modality modality, std::vector<IndexedSegment> segments,
               std::shared_ptr<const void> owner)
      : space_(std::move(space)), modality_(modality), segments_(std::move(segments)), owner_(std::move(owner)) {
    // Limits found in the large ones spare work in the small ones.
    std::ranges::sort(segments_, std::ranges::greater{},
                      [](const IndexedSegment& segment) { return segment.view.codes.count; });
    for (const IndexedSegment& segment : segments_) {
      assert(segment.view.codes.bits == space_.bits && segment.view.rows.count() == segment.view.codes.count);
      assert((!segment.clusters || segment.view.rows.ascending()) && "clusters break ties by position");
      size_ += live_codes(segment.view);
    }
  }

  const CodeSpace& space() const override { return space_; }
  Modality modality() const override { return modality_; }
  std::size_t size() const override { return size_; }

  std::optional<CodeMatrix> code_of(std::int64_t row) const override {
    for (const IndexedSegment& segment : segments_)
      if (const auto position = live_position(segment.view, row))
        return unblock(segment.view.codes, *position, *position + 1);
    return std::nullopt;
  }

 private:
  Result<NearestHits> nearest(const CodeMatrix& queries, const NearestOptions& options) const override {
    NearestHits answer;
    answer.hits.resize(queries.count());
    const std::uint32_t limit = std::min(options.max_distance.value_or(space_.bits), space_.bits) + 1;
    const std::size_t k = options.k == kAllHits ? kAllHits : std::min(options.k, std::max<std::size_t>(size_, 1));
    std::vector<std::uint32_t> limits(queries.count(), limit);
    const PreparedQueries prepared(queries);
    double compared = 0;  // codes, in the mean over the queries
    for (const IndexedSegment& segment : segments_) {
      const Ties ties = segment.view.rows.ascending() ? Ties::kFirst : Ties::kAll;
      const BlockScan scan{segment.view, options.filter, k, ties, options.stop};
      const auto found = search_one(segment, scan, prepared, limits, options.max_clusters, answer, compared);
      if (auto going_on = options.stop.check(); !going_on) return std::unexpected(going_on.error());
      for (std::size_t q = 0; q < queries.count(); ++q) {
        add(segment.view, found[q], k, answer.hits[q]);
        // An equal distance may still come with a smaller row.
        if (answer.hits[q].size() == k) limits[q] = std::min(limits[q], answer.hits[q].back().distance + 1);
      }
    }
    if (size_ > 0) answer.scanned_share = compared / static_cast<double>(size_);
    return answer;
  }

  static std::vector<std::vector<Candidate>> search_one(const IndexedSegment& segment, const BlockScan& scan,
                                                        const PreparedQueries& queries,
                                                        std::span<const std::uint32_t> limits, std::size_t max_clusters,
                                                        NearestHits& answer, double& compared) {
    const auto codes = static_cast<double>(live_codes(segment.view));
    if (!segment.clusters) {
      compared += codes;
      return scan_segment(scan, queries, limits);
    }
    auto pruned = segment.clusters->search(scan, queries, limits, max_clusters);
    compared += pruned.scanned_share * codes;
    if (max_clusters != 0 && max_clusters < segment.clusters->clusters()) {
      answer.exact = false;
      answer.measured_recall = std::min(answer.measured_recall, segment.clusters->measured_recall(scan, max_clusters));
    }
    return std::move(pruned.found);
  }

  CodeSpace space_;
  Modality modality_;
  std::vector<IndexedSegment> segments_;
  std::shared_ptr<const void> owner_;
  std::size_t size_ = 0;
};

}  // namespace

std::unique_ptr<Index> make_segment_index(CodeSpace space, Modality modality, std::vector<IndexedSegment> segments,
                                          std::shared_ptr<const void> owner) {
  return std::make_unique<SegmentIndex>(std::move(space), modality, std::move(segments), std::move(owner));
}

}  // namespace warifu
