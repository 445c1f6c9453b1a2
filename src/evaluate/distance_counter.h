#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codes/block_kernels.h"
#include "codes/code_matrix.h"
#include "evaluate/relevance.h"
#include "evaluate/tie_metrics.h"

// Inside evaluate/: from codes and ground truth to what lies at each distance, the one step whose cost grows with
// the number of pairs.
namespace warifu {

// Of one query.
struct DistanceCounts {
  std::vector<DistanceGroup> groups;  // [distance]: 0 … the bits of whole bytes
  GainCounts gains{};
};

// Counts for a few queries at a time: they go together through the database, part by part, each part small enough to
// stay in the cache until all of them have met it. Distances are counted in bytes; once codes of more than 255 bits
// show one that does not fit, all that follow are counted in words.
//
// Memory: about 200 KiB, and 24 bytes for each query of a call and each distance. Thread safety: one thread at a time.
class DistanceCounter {
 public:
  // So many queries a call share what is read of the database; more gain nothing.
  static constexpr std::size_t kQueries = 16;

  // `database` outlives the counter.
  explicit DistanceCounter(const BlockView& database, const BlockKernels& kernels = chosen_block_kernels());

  // For queries begin … end - 1; `relevance` is [queries, database]. Valid until the next call.
  std::span<const DistanceCounts> count(const CodeMatrix& queries, const RelevanceMatrix& relevance, std::size_t begin,
                                        std::size_t end);

 private:
  using Planes = std::vector<std::uint32_t>;

  // False, and nothing is added, where a distance does not fit in a byte.
  bool add_bytes(const BlockRange& part, const Planes& query, std::span<const std::uint8_t> gains,
                 DistanceCounts& counts);
  void add_graded(std::size_t relevant, std::span<const std::uint8_t> gains, DistanceCounts& counts);
  void add_words(const BlockRange& part, const Planes& query, std::span<const std::uint8_t> gains,
                 DistanceCounts& counts);

  BlockView database_;
  const BlockKernels& kernels_;
  std::size_t distances_;    // how many there are
  std::size_t part_blocks_;  // of the database at a time
  bool near_ = true;         // no distance was met that does not fit in a byte
  std::vector<DistanceCounts> counts_;
  std::vector<std::uint8_t> bytes_;           // distances of a part
  std::vector<std::uint8_t> relevant_bytes_;  // those of its relevant items
  std::vector<std::uint8_t> relevant_gains_;  // and their gains
  std::vector<std::uint16_t> pairs_;          // room for count_bytes
  std::vector<std::uint16_t> words_;          // distances of a part that do not fit in bytes
  std::vector<std::uint64_t> packed_;         // their histogram
};

}  // namespace warifu
