#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "codes/hamming.h"
#include "index/index.h"
#include "index/nearest.h"

namespace warifu {
namespace {

// Distances of one block stay in the first-level cache between being computed and being read.
constexpr std::size_t kBlock = 4096;
// What one thread scans at a time, and the size in words from which threads are worth starting.
constexpr std::size_t kCodesPerPiece = std::size_t{1} << 16;
constexpr std::size_t kWordsForThreads = std::size_t{1} << 20;

std::string space_text(const CodeSpace& space) {
  return "'" + space.name + "' (" + space.method + ", " + std::to_string(space.bits) + " bits, generation " +
         std::to_string(space.generation) + ", fingerprint " + space.fingerprint + ")";
}

class FlatIndex final : public Index {
 public:
  explicit FlatIndex(CodeSegment segment) : segment_(std::move(segment)) {
    assert(segment_.codes.bits() == segment_.space.bits && "the codes are of the segment's space");
    assert(segment_.codes.count() == segment_.rows.size() && "one row for each code");
    assert(std::ranges::adjacent_find(segment_.rows, std::ranges::greater_equal{}) == segment_.rows.end() &&
           "rows ascend without repeats");
  }

  const CodeSpace& space() const override { return segment_.space; }
  Modality modality() const override { return segment_.modality; }
  std::size_t size() const override { return segment_.rows.size(); }

  Result<std::vector<Hit>> search(const CodeSpace& query_space, std::span<const std::uint64_t> query, std::size_t k,
                                  const RowFilter& filter) const override {
    if (const auto ok = check_query(query_space, query, k); !ok) return std::unexpected(ok.error());
    if (size() == 0) return std::vector<Hit>{};
    k = std::min(k, size());
    std::vector<Hit> hits;
    for (const Candidate& candidate : nearest(query, k, filter))
      hits.push_back({segment_.rows[candidate.position], candidate.distance});
    return hits;
  }

  std::span<const std::uint64_t> code_of(std::int64_t row) const override {
    const auto found = std::ranges::lower_bound(segment_.rows, row);
    if (found == segment_.rows.end() || *found != row) return {};
    return segment_.codes.row(static_cast<std::size_t>(found - segment_.rows.begin()));
  }

 private:
  Result<void> check_query(const CodeSpace& query_space, std::span<const std::uint64_t> query, std::size_t k) const {
    if (query_space != space())
      return fail(ErrorCode::kIncompatible,
                  "a query of space " + space_text(query_space) + " meets codes of space " + space_text(space()),
                  "encode the query with the same --space and --bits; after training again, run 'warifu index'");
    if (k == 0) return fail(ErrorCode::kInvalidArgument, "k is 0", "ask for at least one hit");
    if (query.size() != segment_.codes.words_per_code())
      return fail(ErrorCode::kInvalidArgument, "a query of " + std::to_string(query.size()) + " words; codes of " +
                                                   std::to_string(space().bits) + " bits have " +
                                                   std::to_string(segment_.codes.words_per_code()));
    if (space().bits % 64 != 0 && (query.back() >> (space().bits % 64)) != 0)
      return fail(ErrorCode::kInvalidArgument,
                  "the query has bits set beyond its " + std::to_string(space().bits) + " bits");
    return {};
  }

  // Whole words, so that even a stored code that breaks the rules cannot reach outside a table.
  std::uint32_t max_distance() const { return static_cast<std::uint32_t>(64 * segment_.codes.words_per_code()); }

  std::vector<Candidate> nearest(std::span<const std::uint64_t> query, std::size_t k, const RowFilter& filter) const {
    if (size() * segment_.codes.words_per_code() < kWordsForThreads)
      return select_nearest(scan(query, k, filter, 0, size()).kept(), k, max_distance());
    // The k nearest of all are among the k nearest of the pieces, wherever the cuts are.
    const std::size_t pieces = (size() + kCodesPerPiece - 1) / kCodesPerPiece;
    std::vector<NearestCollector> found(pieces, NearestCollector(k, 0));
    parallel_for(pieces, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t piece = first; piece < last; ++piece)
        found[piece] = scan(query, k, filter, piece * kCodesPerPiece, std::min(size(), (piece + 1) * kCodesPerPiece));
    });
    std::vector<Candidate> candidates;
    for (const NearestCollector& piece : found)
      candidates.insert(candidates.end(), piece.kept().begin(), piece.kept().end());
    return select_nearest(candidates, k, max_distance());
  }

  NearestCollector scan(std::span<const std::uint64_t> query, std::size_t k, const RowFilter& filter, std::size_t begin,
                        std::size_t end) const {
    NearestCollector collector(k, max_distance());
    std::array<std::uint16_t, kBlock> block{};
    for (std::size_t start = begin; start < end; start += kBlock) {
      const auto distances = std::span(block).first(std::min(kBlock, end - start));
      hamming_distances(query, segment_.codes.rows(start, start + distances.size()), distances);
      collect(distances, start, filter, collector);
    }
    return collector;
  }

  void collect(std::span<const std::uint16_t> distances, std::size_t start, const RowFilter& filter,
               NearestCollector& collector) const {
    // A stretch without one near code, which is most of them, costs a few vector instructions.
    constexpr std::size_t kStretch = 64;
    for (std::size_t begin = 0; begin < distances.size(); begin += kStretch) {
      if (collector.limit() == 0) return;
      const auto stretch = distances.subspan(begin, std::min(kStretch, distances.size() - begin));
      const auto farthest = static_cast<std::uint16_t>(std::min<std::uint32_t>(collector.limit() - 1, UINT16_MAX));
      // Sixteen bits throughout, or the compiler widens and needs twice the instructions.
      std::uint16_t any_near = 0;
      for (const std::uint16_t distance : stretch)
        any_near = static_cast<std::uint16_t>(any_near | (distance <= farthest ? 0xFFFF : 0));
      if (any_near == 0) continue;
      for (std::size_t i = 0; i < stretch.size(); ++i)
        if (stretch[i] < collector.limit() && filter.allows(segment_.rows[start + begin + i]))
          collector.keep(stretch[i], start + begin + i);
    }
  }

  CodeSegment segment_;
};

}  // namespace

std::unique_ptr<Index> make_flat_index(CodeSegment segment) { return std::make_unique<FlatIndex>(std::move(segment)); }

}  // namespace warifu
