// How fast is each Hamming kernel on codes that stay in the cache, and one exact search (k = 10)
// over a million codes?
#include <benchmark/benchmark.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"
#include "codes/hamming_kernels.h"
#include "index/index.h"

namespace warifu {
namespace {

CodeMatrix drawn_codes(std::size_t count, std::size_t bits) {
  Rng rng(1);
  CodeMatrix codes(count, bits);
  for (std::size_t i = 0; i < count; ++i)
    for (std::uint64_t& word : codes.row(i)) word = bits < 64 ? rng.next() >> (64 - bits) : rng.next();
  return codes;
}

void kernel(benchmark::State& state, const HammingKernelEntry& entry) {
  constexpr std::size_t kCount = 4096;
  const CodeMatrix codes = drawn_codes(kCount, static_cast<std::size_t>(state.range(0)));
  std::vector<std::uint16_t> distances(kCount);
  for (auto _ : state) {
    entry.kernel(codes.words().data(), codes.words().data(), codes.words_per_code(), kCount, distances.data());
    benchmark::ClobberMemory();
  }
  state.counters["codes/s"] = benchmark::Counter(kCount, benchmark::Counter::kIsIterationInvariantRate);
}

void flat_search(benchmark::State& state) {
  constexpr std::size_t kCount = 1'000'000;
  const auto bits = static_cast<std::size_t>(state.range(0));
  set_thread_count(static_cast<std::size_t>(state.range(1)));
  CodeSegment segment;
  segment.space = {"bench", "uniform", "", static_cast<std::uint32_t>(bits), 1};
  segment.codes = drawn_codes(kCount, bits);
  segment.rows.resize(kCount);
  std::iota(segment.rows.begin(), segment.rows.end(), 0);
  const CodeSpace space = segment.space;
  const CodeMatrix queries = drawn_codes(64, bits);
  const auto index = make_flat_index(std::move(segment));
  std::size_t query = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index->search(space, queries.row(query++ % 64), 10, RowFilter()));
  state.counters["codes/s"] = benchmark::Counter(kCount, benchmark::Counter::kIsIterationInvariantRate);
  set_thread_count(0);
}
BENCHMARK(flat_search)
    ->ArgsProduct({{32, 64, 128, 256}, {1, 2}})
    ->ArgNames({"bits", "threads"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  for (const warifu::HammingKernelEntry& entry : warifu::hamming_kernels())
    if (entry.runs_here())
      benchmark::RegisterBenchmark(("hamming_kernel/" + std::string(entry.name)).c_str(), warifu::kernel, entry)
          ->Arg(16)
          ->Arg(64)
          ->Arg(128)
          ->Arg(192)
          ->Arg(256)
          ->Arg(1024);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
