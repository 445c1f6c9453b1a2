#include "engine/bench_hamming.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "base/rng.h"
#include "codes/block_kernels.h"
#include "codes/code_blocks.h"
#include "codes/hamming.h"
#include "codes/machine_limits.h"
#include "index/cluster_index.h"
#include "index/flat_index.h"
#include "segments/npy_codes.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kFewestItems = 1000;
constexpr std::size_t kMostItems = (std::size_t{1} << 32) - 64;  // positions have 32 bits

// Queries of a batch: enough to share what is read, and few enough for a call to lie between two interruptions by
// what else runs on the machine, as the short rounds of a limit do.
constexpr std::size_t kFewestQueries = 128;
constexpr std::size_t kMostQueries = 1024;
constexpr std::size_t kCodesOfBatch = std::size_t{1} << 28;

constexpr int kTurns = 5;  // of every search in a round; the best counts
constexpr int kFewestRounds = 3;
constexpr int kMostRounds = 25;
constexpr double kSecondsOfRounds = 6;

constexpr std::size_t kFewestSingle = 200;
constexpr std::size_t kMostSingle = 2000;
constexpr std::size_t kSinglePerRound = 20;
constexpr double kSecondsOfSingle = 3;
constexpr double kMostSecondsOfSingle = 20;  // even if there were fewer than kFewestSingle

constexpr std::size_t kCheckedQueries = 12;

// Seconds that all threads of this process have worked.
double worked_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The value at a share of the way through; 0 of none.
double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto place = std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(place));
  return values[place];
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

// Passes each of `count` rows with a probability.
RowFilter random_filter(std::size_t count, int percent) {
  Rng rng(static_cast<std::uint64_t>(percent));
  std::vector<std::uint64_t> bits((count + 63) / 64);
  for (std::size_t i = 0; i < count; ++i)
    bits[i / 64] |= std::uint64_t{rng.below(100) < static_cast<std::uint64_t>(percent)} << (i % 64);
  return {0, std::move(bits)};
}

// By definition: a plain loop over all rows, then a sort.
std::vector<Hit> nearest_by_sorting(const CodeMatrix& items, std::span<const std::uint64_t> query, std::size_t k,
                                    const RowFilter& filter) {
  std::vector<Hit> all;
  for (std::size_t i = 0; i < items.count(); ++i)
    if (const auto row = static_cast<std::int64_t>(i); filter.allows(row))
      all.push_back({row, hamming_distance(query, items.row(i))});
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(k, all.size()));
  std::ranges::partial_sort(all, end, nearer);
  all.erase(end, all.end());
  return all;
}

std::size_t differing_ranks(const std::vector<Hit>& found, const std::vector<Hit>& expected) {
  const std::size_t common = std::min(found.size(), expected.size());
  std::size_t differing = std::max(found.size(), expected.size()) - common;
  for (std::size_t rank = 0; rank < common; ++rank) differing += found[rank] == expected[rank] ? 0 : 1;
  return differing;
}

CodeMatrix row_of(const CodeMatrix& codes, std::size_t i) {
  return {1, codes.bits(), std::vector(codes.row(i).begin(), codes.row(i).end())};
}

// Latencies and answers of some queries, one after the other: those behind the first-th, which only warms up.
struct Round {
  std::vector<double> ms;
  std::vector<NearestHits> answers;
};

Result<Round> timed_round(const Index& index, const CodeMatrix& queries, std::size_t first,
                          const NearestOptions& options) {
  Round round;
  for (std::size_t i = 0; i <= kSinglePerRound; ++i) {
    const CodeMatrix query = row_of(queries, (first + i) % queries.count());
    const auto begin = Clock::now();
    auto found = index.search(index.space(), query, options);
    const double ms = 1e3 * seconds_since(begin);
    if (!found) return std::unexpected(found.error());
    if (i == 0) continue;
    round.ms.push_back(ms);
    round.answers.push_back(std::move(*found));
  }
  return round;
}

// Of one search: by the clock, and what all threads have worked in sum, whatever else the machine did meanwhile.
struct Seconds {
  double elapsed = 0;
  double worked = 0;
};

// Measures one index; every step returns what the search it times returned, if that is an error.
class Measurement {
 public:
  Measurement(const Index& index, const CodeMatrix& items, const CodeMatrix& queries,
              std::span<const std::uint8_t> codes, std::size_t k, ProgressSink& progress)
      : index_(index), items_(items), queries_(queries), codes_(codes), k_(k), progress_(progress) {
    for (const int percent : {1, 50}) filters_.emplace_back(percent, random_filter(items.count(), percent));
  }

  Result<HammingFigures> run() {
    for (const auto step : {&Measurement::measure_batch, &Measurement::measure_single, &Measurement::check})
      if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
    return std::move(figures_);
  }

 private:
  Result<void> go_on() const {
    if (progress_.stop_requested()) return fail(ErrorCode::kUnavailable, "the measurement was stopped");
    return {};
  }

  Result<Seconds> seconds_of(const CodeMatrix& queries, std::size_t k, const RowFilter* filter = nullptr) const {
    NearestOptions options;
    options.k = k;
    options.filter = filter;
    const auto start = Clock::now();
    const double worked = worked_seconds();
    const auto found = index_.search(index_.space(), queries, options);
    const Seconds seconds{seconds_since(start), worked_seconds() - worked};
    if (!found) return std::unexpected(found.error());
    return seconds;
  }

  Result<Seconds> best_seconds_of(std::size_t k, const RowFilter* filter = nullptr) const {
    Result<Seconds> best = seconds_of(queries_, k, filter);
    for (int turn = 1; best && turn < kTurns; ++turn) {
      const auto seconds = seconds_of(queries_, k, filter);
      if (!seconds) return seconds;
      best = {std::min(best->elapsed, seconds->elapsed), std::min(best->worked, seconds->worked)};
    }
    return best;
  }

  Result<void> measure_batch() {
    const auto start = Clock::now();
    Seconds best{1e9, 1e9};
    std::vector<double> of_k1000;
    std::vector<std::vector<double>> of_filter(filters_.size());
    double limit = 0;
    if (auto warm = seconds_of(queries_, k_); !warm) return std::unexpected(warm.error());
    for (int round = 0; round < kMostRounds; ++round) {
      if (round >= kFewestRounds && seconds_since(start) > kSecondsOfRounds) break;
      if (auto going_on = go_on(); !going_on) return going_on;
      progress_.advance("many queries", static_cast<std::size_t>(round), kMostRounds);
      limit = std::max(limit, popcount_limit(thread_count()));
      const auto plain = best_seconds_of(k_);
      if (!plain) return std::unexpected(plain.error());
      best = {std::min(best.elapsed, plain->elapsed), std::min(best.worked, plain->worked)};
      const auto large = best_seconds_of(std::min<std::size_t>(1000, items_.count()));
      if (!large) return std::unexpected(large.error());
      of_k1000.push_back(large->worked / plain->worked);
      for (std::size_t f = 0; f < filters_.size(); ++f) {
        const auto filtered = best_seconds_of(k_, &filters_[f].second);
        if (!filtered) return std::unexpected(filtered.error());
        of_filter[f].push_back(filtered->worked / plain->worked);
      }
    }
    BatchFigures& batch = figures_.batch;
    batch.queries = queries_.count();
    batch.seconds = best.elapsed;
    const auto codes = static_cast<double>(queries_.count() * items_.count());
    batch.codes_per_second = codes / best.elapsed;
    batch.popcount_limit_codes_per_second = limit / static_cast<double>(items_.bits());
    batch.share_of_limit = batch.codes_per_second / batch.popcount_limit_codes_per_second;
    batch.share_of_limit_by_work =
        codes / best.worked * static_cast<double>(thread_count()) / batch.popcount_limit_codes_per_second;
    batch.time_of_k1000 = median(std::move(of_k1000));
    for (std::size_t f = 0; f < filters_.size(); ++f)
      figures_.filtered.push_back({filters_[f].first, median(std::move(of_filter[f]))});
    return {};
  }

  Result<void> measure_single() {
    const auto start = Clock::now();
    std::vector<double> latencies;
    std::vector<double> limits;
    double scanned = 0;
    while (latencies.size() < kMostSingle) {
      const double seconds = seconds_since(start);
      if (seconds > kMostSecondsOfSingle || (latencies.size() >= kFewestSingle && seconds > kSecondsOfSingle)) break;
      if (auto going_on = go_on(); !going_on) return going_on;
      progress_.advance("one query at a time", latencies.size(), kMostSingle);
      if (const double limit = read_limit(codes_, thread_count()); limit > 0)
        limits.push_back(1e3 * static_cast<double>(codes_.size()) / limit);
      NearestOptions options;
      options.k = k_;
      // Its first one wakes the threads, which go on looking out for work between the others.
      const auto round = timed_round(index_, queries_, latencies.size(), options);
      if (!round) return std::unexpected(round.error());
      latencies.insert(latencies.end(), round->ms.begin(), round->ms.end());
      for (const NearestHits& found : round->answers) scanned += found.scanned_share;
    }
    SingleFigures& single = figures_.single;
    const auto count = static_cast<double>(latencies.size());
    single.queries = latencies.size();
    for (const double latency : latencies) single.mean_ms += latency / count;
    single.scanned_share = scanned / count;
    single.p50_ms = quantile(latencies, 0.5);
    single.p99_ms = quantile(latencies, 0.99);
    single.read_limit_ms = median(std::move(limits));
    single.share_of_limit = single.read_limit_ms / single.p50_ms;
    return {};
  }

  // Some of the queries, as part of the batch, alone and filtered.
  Result<void> check() {
    NearestOptions options;
    options.k = k_;
    const auto batch = index_.search(index_.space(), queries_, options);
    if (!batch) return std::unexpected(batch.error());
    const std::size_t count = std::min(kCheckedQueries, queries_.count());
    for (std::size_t i = 0; i < count; ++i) {
      if (auto going_on = go_on(); !going_on) return going_on;
      progress_.advance("checking", i, count);
      const std::size_t q = i * queries_.count() / count;
      const auto expected = nearest_by_sorting(items_, queries_.row(q), k_, RowFilter());
      figures_.mismatches += differing_ranks(batch->hits[q], expected);
      const RowFilter none;
      if (auto checked = check_alone(q, none, expected); !checked) return checked;
      const RowFilter& filter = filters_[i % filters_.size()].second;
      auto checked = check_alone(q, filter, nearest_by_sorting(items_, queries_.row(q), k_, filter));
      if (!checked) return checked;
    }
    figures_.checked_queries = count;
    return {};
  }

  Result<void> check_alone(std::size_t query, const RowFilter& filter, const std::vector<Hit>& expected) {
    const auto found = index_.search(index_.space(), queries_.row(query), k_, filter);
    if (!found) return std::unexpected(found.error());
    figures_.mismatches += differing_ranks(*found, expected);
    return {};
  }

  const Index& index_;
  const CodeMatrix& items_;
  const CodeMatrix& queries_;
  std::span<const std::uint8_t> codes_;
  std::size_t k_;
  ProgressSink& progress_;
  std::vector<std::pair<int, RowFilter>> filters_;
  HammingFigures figures_;
};

Result<void> check_range(const char* name, std::size_t value, std::size_t least, std::size_t most) {
  if (value >= least && value <= most) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("--{} {} is not in {} … {}", name, value, least, most));
}

Result<void> check_options(const HammingBenchOptions& options) {
  if (auto good = check_range("items", options.items, kFewestItems, kMostItems); !good) return good;
  if (auto good = check_range("bits", options.bits, 1, kMaxCodeBits); !good) return good;
  if (auto good = check_range("k", options.k, 1, options.items); !good) return good;
  // As rows, to check answers with, and as blocks; what a search of them takes besides is little.
  const std::size_t needed = options.items * ((options.bits + 63) / 64 * 8 + (options.bits + 7) / 8);
  const auto memory =
      static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (needed <= memory / 4 * 3) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} codes of {} bits take {} MiB; this machine has {} MiB", options.items, options.bits,
                          needed >> 20, memory >> 20),
              "ask for fewer --items or --bits");
}

// Drawn, or copies of learned ones.
Result<SyntheticCodes> codes_to_search(const HammingBenchOptions& options, std::size_t queries) {
  if (options.codes.empty()) return draw_codes(options.data, options.items, queries, options.bits, options.seed);
  if (options.flip < 0 || options.flip > 0.5)
    return fail(ErrorCode::kInvalidArgument, fmt::format("--flip {} is not in 0 … 0.5", options.flip));
  const auto learned = read_npy_codes(options.codes, static_cast<std::uint32_t>(options.bits));
  if (!learned) return std::unexpected(learned.error());
  if (learned->count() == 0) return fail(ErrorCode::kInvalidArgument, options.codes.string() + ": no codes");
  return SyntheticCodes{noisy_copies(*learned, options.items, options.flip, options.seed),
                        noisy_copies(*learned, queries, options.flip, options.seed + 1)};
}

Latencies latencies_of(const std::vector<double>& ms) {
  Latencies latencies{.mean_ms = 0, .p50_ms = quantile(ms, 0.5), .p99_ms = quantile(ms, 0.99)};
  for (const double one : ms) latencies.mean_ms += one / static_cast<double>(ms.size());
  return latencies;
}

// In rounds: query by query in turn, each of the two would find the caches as the other has left them.
Result<ClusterFigures> measure_clusters(const Index& scan, const Index& clusters, const CodeMatrix& queries,
                                        std::size_t k, ProgressSink& progress) {
  constexpr double kSeconds = 10;
  ClusterFigures figures;
  NearestOptions options;
  options.k = k;
  std::vector<double> pruned_ms;
  std::vector<double> scan_ms;
  const auto start = Clock::now();
  while (pruned_ms.size() < kMostSingle && (pruned_ms.size() < kFewestSingle || seconds_since(start) < kSeconds)) {
    if (progress.stop_requested()) return fail(ErrorCode::kUnavailable, "the measurement was stopped");
    progress.advance("clusters", pruned_ms.size(), kMostSingle);
    const auto pruned = timed_round(clusters, queries, pruned_ms.size(), options);
    if (!pruned) return std::unexpected(pruned.error());
    const auto scanned = timed_round(scan, queries, scan_ms.size(), options);
    if (!scanned) return std::unexpected(scanned.error());
    pruned_ms.insert(pruned_ms.end(), pruned->ms.begin(), pruned->ms.end());
    scan_ms.insert(scan_ms.end(), scanned->ms.begin(), scanned->ms.end());
    for (std::size_t i = 0; i < pruned->answers.size(); ++i) {
      figures.scanned_share += pruned->answers[i].scanned_share;
      figures.mismatches += differing_ranks(pruned->answers[i].hits.front(), scanned->answers[i].hits.front());
    }
  }
  figures.queries = pruned_ms.size();
  figures.scanned_share /= static_cast<double>(pruned_ms.size());
  figures.pruned = latencies_of(pruned_ms);
  figures.scan = latencies_of(scan_ms);
  return figures;
}

}  // namespace

Result<HammingFigures> measure_hamming(const Index& index, const CodeMatrix& items, const CodeMatrix& queries,
                                       std::span<const std::uint8_t> codes, std::size_t k, ProgressSink& progress) {
  return Measurement(index, items, queries, codes, k, progress).run();
}

Result<HammingBench> bench_hamming(const HammingBenchOptions& options, ProgressSink& progress) {
  if (auto good = check_options(options); !good) return std::unexpected(good.error());
  HammingBench bench;
  bench.threads = thread_count();
  bench.kernels = chosen_block_kernels().name;

  progress.advance("drawing codes", 0, 0);
  auto start = Clock::now();
  const std::size_t query_count = std::clamp(kCodesOfBatch / options.items, kFewestQueries, kMostQueries);
  const auto codes = codes_to_search(options, query_count);
  if (!codes) return std::unexpected(codes.error());
  const SyntheticCodes& drawn = *codes;
  bench.draw_seconds = seconds_since(start);

  start = Clock::now();
  const auto blocks = std::make_shared<CodeBlocks>(drawn.items);
  const CodeSpace space{"bench", synthetic_data_name(options.data), "", static_cast<std::uint32_t>(options.bits), 1};
  const SegmentView segment{blocks->view(), RowsView::contiguous(0, options.items), nullptr, options.items};
  const auto index = make_flat_index(space, Modality::kImage, {segment}, blocks);
  bench.build_seconds = seconds_since(start);
  bench.memory_bytes = blocks->planes().size();

  auto figures = measure_hamming(*index, drawn.items, drawn.queries, blocks->planes(), options.k, progress);
  if (!figures) return std::unexpected(figures.error());
  bench.figures = std::move(*figures);
  if (!options.clusters) return bench;
  start = Clock::now();
  const auto pruned = make_cluster_index(space, Modality::kImage, {segment}, blocks, 0);
  const double build_seconds = seconds_since(start);
  auto clusters = measure_clusters(*index, *pruned, drawn.queries, options.k, progress);
  if (!clusters) return std::unexpected(clusters.error());
  clusters->build_seconds = build_seconds;
  bench.clusters = *clusters;
  return bench;
}

}  // namespace warifu
