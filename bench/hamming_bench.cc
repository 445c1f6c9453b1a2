// How much faster than FAISS's IndexBinaryFlat is the flat index, on the same codes and queries in the same process?
//
//   hamming_bench [--items 1000000] [--queries 128] [--rounds 3] [--bits 32,64,128,256] [--k 10,100,1000]
//                 [--threads 1,2] [--data uniform,clustered]
//
// One JSON object a line on standard output, a table on standard error. The two take turns; the best round of each
// counts, by the clock ("ratio") and by the time their threads worked ("ratio_by_work", which does not mind what else
// runs on the machine; waiting in a loop, as OpenMP does, is work). Every answer of FAISS is compared: the distances at
// every rank must be equal, and each of its ids must be a code at that distance, once; which of the codes that tie with
// the k-th it names is its own choice. Built without FAISS it measures the flat index beside the limit alone.
#include <time.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/parallel.h"
#include "codes/block_kernels.h"
#include "codes/code_blocks.h"
#include "codes/hamming.h"
#include "codes/machine_limits.h"
#include "index/flat_index.h"
#include "index/synthetic_codes.h"

#if defined(WARIFU_FAISS)
#include <faiss/IndexBinaryFlat.h>
#include <omp.h>
#endif

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::size_t items = 1'000'000;
  std::size_t queries = 128;
  std::size_t rounds = 3;
  std::vector<std::size_t> bits = {32, 64, 128, 256};
  std::vector<std::size_t> k = {10, 100, 1000};
  std::vector<std::size_t> threads = {1, 2};
  std::vector<SyntheticData> data = {SyntheticData::kUniform, SyntheticData::kClustered};
};

[[noreturn]] void stop(const std::string& sentence) {
  std::fprintf(stderr, "hamming_bench: %s\n", sentence.c_str());
  std::exit(2);
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0)
    stop("not a number above 0: '" + std::string(text) + "'");
  return value;
}

std::vector<std::string_view> parts(std::string_view text) {
  std::vector<std::string_view> all;
  for (const auto part : std::views::split(text, ',')) all.emplace_back(part.begin(), part.end());
  return all;
}

std::vector<std::size_t> numbers(std::string_view text) {
  std::vector<std::size_t> all;
  for (const std::string_view part : parts(text)) all.push_back(number(part));
  return all;
}

std::vector<SyntheticData> data_kinds(std::string_view text) {
  std::vector<SyntheticData> all;
  for (const std::string_view part : parts(text)) {
    const auto data = parse_synthetic_data(part);
    if (!data) stop(data.error().message);
    all.push_back(*data);
  }
  return all;
}

Settings read_settings(int count, char** arguments) {
  Settings settings;
  for (int i = 1; i < count; i += 2) {
    const std::string_view flag = arguments[i];
    if (i + 1 == count) stop("no value behind " + std::string(flag));
    const std::string_view value = arguments[i + 1];
    if (flag == "--items")
      settings.items = number(value);
    else if (flag == "--queries")
      settings.queries = number(value);
    else if (flag == "--rounds")
      settings.rounds = number(value);
    else if (flag == "--bits")
      settings.bits = numbers(value);
    else if (flag == "--k")
      settings.k = numbers(value);
    else if (flag == "--threads")
      settings.threads = numbers(value);
    else if (flag == "--data")
      settings.data = data_kinds(value);
    else
      stop("unknown flag " + std::string(flag));
  }
  return settings;
}

struct Seconds {
  double elapsed = 1e30;
  double worked = 1e30;  // all threads of the process in sum
};

double worked_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The better of `best` and one more run of `work`, each time by itself.
template <typename Work>
Seconds better(const Seconds& best, const Work& work) {
  const auto start = Clock::now();
  const double worked = worked_seconds();
  work();
  const double now_worked = worked_seconds() - worked;
  return {std::min(best.elapsed, std::chrono::duration<double>(Clock::now() - start).count()),
          std::min(best.worked, now_worked)};
}

#if defined(WARIFU_FAISS)

// n codes of bits / 8 bytes each, one after the other.
std::vector<std::uint8_t> rows_of_bytes(const CodeMatrix& codes) {
  const std::size_t bytes = codes.bits() / 8;
  std::vector<std::uint8_t> rows;
  rows.reserve(codes.count() * bytes);
  for (std::size_t i = 0; i < codes.count(); ++i)
    for (std::size_t p = 0; p < bytes; ++p)
      rows.push_back(static_cast<std::uint8_t>(codes.row(i)[p / 8] >> (8 * (p % 8))));
  return rows;
}

class Faiss {
 public:
  explicit Faiss(const SyntheticCodes& drawn)
      : queries_(rows_of_bytes(drawn.queries)), index_(static_cast<int>(drawn.items.bits())) {
    index_.add(static_cast<std::int64_t>(drawn.items.count()), rows_of_bytes(drawn.items).data());
  }

  void search(const CodeMatrix& queries, std::size_t k, std::size_t threads) {
    omp_set_num_threads(static_cast<int>(threads));
    distances_.resize(queries.count() * k);
    ids_.resize(queries.count() * k);
    index_.search(static_cast<std::int64_t>(queries.count()), queries_.data(), static_cast<std::int64_t>(k),
                  distances_.data(), ids_.data());
  }

  // Ranks at which the last search differs from `ours`.
  std::size_t mismatches(const SyntheticCodes& drawn, const NearestHits& ours, std::size_t k) const {
    std::size_t differing = 0;
    for (std::size_t q = 0; q < ours.hits.size(); ++q) {
      const auto ids = std::span(ids_).subspan(q * k, k);
      for (std::size_t rank = 0; rank < k; ++rank) {
        const auto distance = static_cast<std::uint32_t>(distances_[q * k + rank]);
        const bool same = rank < ours.hits[q].size() && ours.hits[q][rank].distance == distance;
        const bool true_one =
            ids[rank] >= 0 &&
            hamming_distance(drawn.queries.row(q), drawn.items.row(static_cast<std::size_t>(ids[rank]))) == distance;
        differing += same && true_one ? 0 : 1;
      }
      std::vector<std::int64_t> sorted(ids.begin(), ids.end());
      std::ranges::sort(sorted);
      differing += static_cast<std::size_t>(std::ranges::unique(sorted).size());
    }
    return differing;
  }

 private:
  std::vector<std::uint8_t> queries_;
  faiss::IndexBinaryFlat index_;
  std::vector<std::int32_t> distances_;
  std::vector<std::int64_t> ids_;
};

#else

class Faiss {
 public:
  explicit Faiss(const SyntheticCodes&) {}
};

#endif

// One line of the answer.
struct Figures {
  SyntheticData data = SyntheticData::kUniform;
  std::size_t bits = 0;
  std::size_t k = 0;
  std::size_t threads = 0;
  double codes = 0;  // compared in one call
  Seconds ours;
  Seconds faiss;
  double popcount_limit = 0;  // codes a second
  std::size_t mismatches = 0;
};

class Comparison {
 public:
  Comparison(const Settings& settings, SyntheticData data, std::size_t bits)
      : settings_(settings),
        data_(data),
        drawn_(draw_codes(data, settings.items, settings.queries, bits, 1)),
        blocks_(std::make_shared<CodeBlocks>(drawn_.items)),
        index_(make_flat_index({"bench", "drawn", "", static_cast<std::uint32_t>(bits), 1}, Modality::kImage,
                               {{blocks_->view(), RowsView::contiguous(0, settings.items), nullptr, settings.items}},
                               blocks_)),
        faiss_(drawn_) {}

  Figures run(std::size_t k, std::size_t threads) {
    set_thread_count(threads);
    Figures figures;
    figures.data = data_;
    figures.bits = drawn_.items.bits();
    figures.k = k;
    figures.threads = threads;
    figures.codes = static_cast<double>(settings_.items * settings_.queries);
    for (std::size_t round = 0; round < settings_.rounds; ++round) {
      figures.popcount_limit = std::max(figures.popcount_limit, popcount_limit(threads));
      // As short as the rounds of the limit, so as many of them.
      for (int turn = 0; turn < 5; ++turn) figures.ours = better(figures.ours, [&] { found_ = search(k); });
#if defined(WARIFU_FAISS)
      figures.faiss = better(figures.faiss, [&] { faiss_.search(drawn_.queries, k, threads); });
      if (round == 0) figures.mismatches = faiss_.mismatches(drawn_, found_, k);
      // Threads of OpenMP look out for work for a while.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
#endif
    }
    figures.popcount_limit /= static_cast<double>(drawn_.items.bits());
    return figures;
  }

 private:
  NearestHits search(std::size_t k) const {
    NearestOptions options;
    options.k = k;
    auto found = index_->search(index_->space(), drawn_.queries, options);
    if (!found) stop(found.error().message);
    return std::move(*found);
  }

  const Settings& settings_;
  SyntheticData data_;
  SyntheticCodes drawn_;
  std::shared_ptr<CodeBlocks> blocks_;
  std::unique_ptr<Index> index_;
  [[maybe_unused]] Faiss faiss_;
  NearestHits found_;
};

void print(const Settings& settings, const Figures& figures) {
  const double speed = figures.codes / figures.ours.elapsed;
  const double by_work = figures.codes / figures.ours.worked * static_cast<double>(figures.threads);
  std::printf(
      R"({"data":"%s","items":%zu,"queries":%zu,"bits":%zu,"k":%zu,"threads":%zu,"kernels":"%s","seconds":%.6f,)"
      R"("codes_per_second":%.4g,"popcount_limit_codes_per_second":%.4g,"share_of_limit":%.4f,)"
      R"("share_of_limit_by_work":%.4f)",
      synthetic_data_name(figures.data), settings.items, settings.queries, figures.bits, figures.k, figures.threads,
      std::string(chosen_block_kernels().name).c_str(), figures.ours.elapsed, speed, figures.popcount_limit,
      speed / figures.popcount_limit, by_work / figures.popcount_limit);
  std::fprintf(stderr, "%-10s %5zu %5zu %8zu %10.2f %8.0f %8.0f", synthetic_data_name(figures.data), figures.bits,
               figures.k, figures.threads, speed / 1e9, 100 * speed / figures.popcount_limit,
               100 * by_work / figures.popcount_limit);
#if defined(WARIFU_FAISS)
  const double ratio = figures.faiss.elapsed / figures.ours.elapsed;
  const double ratio_by_work = figures.faiss.worked / figures.ours.worked;
  std::printf(R"(,"faiss_seconds":%.6f,"ratio":%.2f,"ratio_by_work":%.2f,"mismatches":%zu)", figures.faiss.elapsed,
              ratio, ratio_by_work, figures.mismatches);
  std::fprintf(stderr, " %10.3f %7.1f %8.1f %11zu", figures.codes / figures.faiss.elapsed / 1e9, ratio, ratio_by_work,
               figures.mismatches);
#endif
  std::printf("}\n");
  std::fprintf(stderr, "\n");
  std::fflush(stdout);
}

void print_heading() {
  std::fprintf(stderr, "%-10s %5s %5s %8s %10s %8s %8s", "data", "bits", "k", "threads", "Gcodes/s", "% limit",
               "by work");
#if defined(WARIFU_FAISS)
  std::fprintf(stderr, " %10s %7s %8s %11s", "FAISS", "ratio", "by work", "mismatches");
#endif
  std::fprintf(stderr, "\n");
}

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  const warifu::Settings settings = warifu::read_settings(argc, argv);
  warifu::print_heading();
  for (const warifu::SyntheticData data : settings.data)
    for (const std::size_t bits : settings.bits) {
      if (bits % 8 != 0) warifu::stop("FAISS has whole bytes only: --bits " + std::to_string(bits));
      warifu::Comparison comparison(settings, data, bits);
      for (const std::size_t k : settings.k)
        for (const std::size_t threads : settings.threads)
          warifu::print(settings, comparison.run(std::min(k, settings.items), threads));
    }
  return 0;
}
