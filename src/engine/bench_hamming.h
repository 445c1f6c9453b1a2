#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "codes/code_matrix.h"
#include "index/index.h"
#include "index/synthetic_codes.h"

// How fast exact search over binary codes is on this machine, as a share of what the machine can do at all
// (codes/machine_limits.h), on thread_count() threads. Needs no workspace.
//
// Machines are shared and their clocks move, so that two speeds compare only if taken side by side. Everything is
// measured in rounds, in each of which the limit and every search take their turn:
//   many queries   the best round of the searches over the best round of the limit
//   one query      the median of all latencies, against the median of the limits taken between them, each the best of
//                  three short rounds
//   ratios         of the time that threads worked; the median over the rounds of the quotient within a round
namespace warifu {

struct HammingBenchOptions {
  std::size_t items = 1'000'000;  // at least 1,000
  std::size_t bits = 64;          // 1 … kMaxCodeBits
  std::size_t k = 10;             // 1 … items
  SyntheticData data = SyntheticData::kUniform;
  // Instead of drawn ones: codes of `bits` bits in an NPY file, as 'warifu export' writes them, repeated to `items`
  // with every bit flipped with this probability. Queries are further copies.
  std::filesystem::path codes;
  double flip = 0.02;
  std::uint64_t seed = 1;
  bool clusters = false;  // measure the pruned clusters beside the scan
};

// Many queries in one call.
struct BatchFigures {
  std::size_t queries = 0;
  double seconds = 0;           // of one call, in the best round
  double codes_per_second = 0;  // codes compared with a query
  double popcount_limit_codes_per_second = 0;
  double share_of_limit = 0;
  // The same if the time that threads worked, over their number, were all that passed: the share on a machine that
  // nobody else uses.
  double share_of_limit_by_work = 0;
  double time_of_k1000 = 0;  // of the same with k = 1000 (or all items, if fewer), relative to k
};

// One query in a call, on all threads. Times in milliseconds.
struct SingleFigures {
  std::size_t queries = 0;
  double mean_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double read_limit_ms = 0;   // for reading all codes once, from the cache they fit into or from memory
  double share_of_limit = 0;  // read_limit_ms / p50_ms
  double scanned_share = 0;   // of the codes, the mean: below 1 where an index prunes, which may beat the limit
};

// The batch again with a filter of random rows.
struct FilteredFigures {
  int percent = 0;        // of rows that pass
  double time_ratio = 0;  // relative to no filter
};

struct HammingFigures {
  BatchFigures batch;
  SingleFigures single;
  std::vector<FilteredFigures> filtered;
  std::size_t checked_queries = 0;
  std::size_t mismatches = 0;  // ranks at which a checked answer differs from a plain loop and a sort
};

// Measures any exact index that holds `items`, row i being items.row(i). `codes` is the memory they are read from, for
// the limit. kUnavailable when asked to stop.
Result<HammingFigures> measure_hamming(const Index& index, const CodeMatrix& items, const CodeMatrix& queries,
                                       std::span<const std::uint8_t> codes, std::size_t k, ProgressSink& progress);

struct Latencies {
  double mean_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

// The pruned clusters (index/cluster_index.h) and the plain scan of the same codes, some queries of each in turn.
struct ClusterFigures {
  double build_seconds = 0;
  std::size_t queries = 0;
  Latencies pruned;
  Latencies scan;
  double scanned_share = 0;
  std::size_t mismatches = 0;  // ranks at which the two differ
};

struct HammingBench {
  std::size_t threads = 0;
  std::string kernels;           // the chosen instruction set
  std::size_t memory_bytes = 0;  // of the codes in the index
  double draw_seconds = 0;
  double build_seconds = 0;
  HammingFigures figures;
  std::optional<ClusterFigures> clusters;
};

// Draws codes, builds a flat index over them and measures it. kInvalidArgument if an option is out of its range or
// the codes would not fit into three quarters of this machine's memory.
Result<HammingBench> bench_hamming(const HammingBenchOptions& options, ProgressSink& progress);

}  // namespace warifu
