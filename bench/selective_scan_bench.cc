// How many times faster than libtorch operators in a loop over time is the selective scan, forward and
// backward, at batch 16, length 197, d_model 512 (1,024 channels, 16 states)? And what does a whole
// Mamba block take?
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/causal_conv.h"
#include "nn/mamba_block.h"
#include "nn/selective_scan.h"
#include "nn/selective_scan_kernels.h"
#include "nn/sharded_forward.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace warifu {
namespace {

constexpr std::int64_t kBatch = 16, kLength = 197, kWidth = 512, kChannels = 2 * kWidth, kStates = 16;

// Other programs use the machine, too: the fastest of several runs counts, and the processor time of
// all threads beside the time on the clock.
struct Fastest {
  double clock_ms = 1e9, processor_ms = 1e9;

  void take(const std::function<void()>& work) {
    const std::clock_t processor = std::clock();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> clock = std::chrono::steady_clock::now() - begin;
    clock_ms = std::min(clock_ms, clock.count());
    processor_ms = std::min(processor_ms, 1e3 * static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC);
  }
};

// Both for libtorch's operators and for ours.
class Threads {
 public:
  explicit Threads(std::int64_t threads) {
    set_thread_count(static_cast<std::size_t>(threads));
    at::set_num_threads(static_cast<int>(threads));
  }
  ~Threads() {
    set_thread_count(0);
    at::set_num_threads(1);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
};

SelectiveScanInputs drawn_inputs() {
  torch::manual_seed(1);
  SelectiveScanInputs inputs;
  inputs.u = torch::randn({kBatch, kLength, kChannels}).set_requires_grad(true);
  inputs.delta = torch::randn({kBatch, kLength, kChannels}).set_requires_grad(true);
  inputs.A = (-torch::arange(1, kStates + 1, torch::kFloat32).repeat({kChannels, 1})).set_requires_grad(true);
  inputs.B = torch::randn({kBatch, kLength, kStates}).set_requires_grad(true);
  inputs.C = torch::randn({kBatch, kLength, kStates}).set_requires_grad(true);
  inputs.D = torch::ones({kChannels}).set_requires_grad(true);
  inputs.z = torch::randn({kBatch, kLength, kChannels}).set_requires_grad(true);
  inputs.delta_bias = torch::full({kChannels}, -4.0F).set_requires_grad(true);
  inputs.delta_softplus = true;
  return inputs;
}

// The same recurrence as one writes it in libtorch; time comes first within it, so that a step's rows
// lie side by side.
torch::Tensor scan_in_libtorch(const SelectiveScanInputs& inputs) {
  const auto step = torch::softplus(inputs.delta + inputs.delta_bias);
  const auto steps = step.unbind(1), inputs_of_steps = (step * inputs.u).unbind(1);
  const auto b = inputs.B.unbind(1), c = inputs.C.unbind(1);
  auto h = torch::zeros({kBatch, kChannels, kStates});
  std::vector<torch::Tensor> y;
  for (std::size_t t = 0; t < steps.size(); ++t) {
    h = torch::exp(steps[t].unsqueeze(2) * inputs.A) * h + inputs_of_steps[t].unsqueeze(2) * b[t].unsqueeze(1);
    y.push_back(torch::matmul(h, c[t].unsqueeze(2)).squeeze(2));
  }
  return (torch::stack(y, 1) + inputs.D * inputs.u) * torch::silu(inputs.z);
}

void forward_backward(const torch::Tensor& y, const SelectiveScanInputs& inputs, const torch::Tensor& y_gradient) {
  benchmark::DoNotOptimize(torch::autograd::grad(
      {y}, {inputs.u, inputs.delta, inputs.A, inputs.B, inputs.C, inputs.D, inputs.z, inputs.delta_bias},
      {y_gradient}));
}

// Ours and theirs in turns.
void ratio_to_libtorch(benchmark::State& state) {
  const Threads threads(state.range(0));
  const auto inputs = drawn_inputs();
  const auto y_gradient = torch::randn({kBatch, kLength, kChannels});
  Fastest ours, theirs;
  for (auto _ : state) {
    for (int i = 0; i < 3; ++i) ours.take([&] { forward_backward(selective_scan(inputs), inputs, y_gradient); });
    theirs.take([&] { forward_backward(scan_in_libtorch(inputs), inputs, y_gradient); });
  }
  state.counters["ours_ms"] = ours.clock_ms;
  state.counters["libtorch_ms"] = theirs.clock_ms;
  state.counters["ratio"] = theirs.clock_ms / ours.clock_ms;
  state.counters["ours_processor_ms"] = ours.processor_ms;
  state.counters["libtorch_processor_ms"] = theirs.processor_ms;
  state.counters["processor_ratio"] = theirs.processor_ms / ours.processor_ms;
}
BENCHMARK(ratio_to_libtorch)->ArgName("threads")->Arg(1)->Arg(2)->Iterations(6)->Unit(benchmark::kMillisecond);

void scan(benchmark::State& state, const ScanKernels* kernels, bool with_backward) {
  const Threads threads(state.range(0));
  const auto inputs = drawn_inputs();
  const auto y_gradient = torch::randn({kBatch, kLength, kChannels});
  Fastest fastest;
  for (auto _ : state)
    fastest.take([&] {
      const torch::AutoGradMode mode(with_backward);
      const auto y = selective_scan(inputs, *kernels);
      if (with_backward) forward_backward(y, inputs, y_gradient);
    });
  state.counters["clock_ms"] = fastest.clock_ms;
  state.counters["processor_ms"] = fastest.processor_ms;
  // an update of one state of one channel at one time of one row
  state.counters["updates/s"] = 1e3 * static_cast<double>(kBatch * kLength * kChannels * kStates) / fastest.clock_ms;
}

#ifdef WARIFU_CUDA
// The same on a GPU, until it is done.
void scan_on_gpu(benchmark::State& state, bool with_backward) {
  auto inputs = drawn_inputs();
  for (torch::Tensor* tensor :
       {&inputs.u, &inputs.delta, &inputs.A, &inputs.B, &inputs.C, &inputs.D, &inputs.z, &inputs.delta_bias})
    *tensor = tensor->detach().to(torch::kCUDA).set_requires_grad(true);
  const auto y_gradient = torch::randn_like(inputs.u.detach());
  Fastest fastest;
  for (auto _ : state)
    fastest.take([&] {
      const torch::AutoGradMode mode(with_backward);
      const auto y = selective_scan(inputs);
      if (with_backward) forward_backward(y, inputs, y_gradient);
      torch::cuda::synchronize();
    });
  state.counters["clock_ms"] = fastest.clock_ms;
  state.counters["updates/s"] = 1e3 * static_cast<double>(kBatch * kLength * kChannels * kStates) / fastest.clock_ms;
}
#endif

#if defined(__x86_64__)
// The limit of a thread: fused multiply-adds of 16 floats on registers alone.
__attribute__((target("avx512f"))) void multiply_adds_in_registers(std::size_t rounds) {
  __m512 sums[12];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1.0F);
  const __m512 factor = _mm512_set1_ps(0.999F), step = _mm512_set1_ps(0.001F);
  for (std::size_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, step);
  for (const __m512& sum : sums) benchmark::DoNotOptimize(sum);
}

void multiply_add_limit(benchmark::State& state) {
  constexpr std::size_t kRounds = 100'000;
  if (__builtin_cpu_supports("avx512f") == 0) return state.SkipWithError("this processor has no AVX-512");
  Fastest fastest;
  for (auto _ : state) fastest.take([] { multiply_adds_in_registers(kRounds); });
  state.counters["multiply_adds/s"] = 1e3 * 16 * 12 * kRounds / fastest.processor_ms;
}
BENCHMARK(multiply_add_limit);
#endif

void convolution(benchmark::State& state, bool by_libtorch) {
  const Threads threads(state.range(0));
  const auto x = torch::randn({kBatch, kLength, kChannels}).set_requires_grad(true);
  const auto y_gradient = torch::randn({kBatch, kLength, kChannels});
  torch::nn::Conv1d conv(torch::nn::Conv1dOptions(kChannels, kChannels, 4).groups(kChannels).padding(3));
  Fastest fastest;
  for (auto _ : state)
    fastest.take([&] {
      const auto y = by_libtorch ? torch::silu(conv->forward(x.transpose(1, 2)).narrow(2, 0, kLength)).transpose(1, 2)
                                 : causal_conv_silu(x, conv->weight, conv->bias);
      benchmark::DoNotOptimize(torch::autograd::grad({y}, {x, conv->weight, conv->bias}, {y_gradient}));
    });
  state.counters["clock_ms"] = fastest.clock_ms;
  state.counters["processor_ms"] = fastest.processor_ms;
}
BENCHMARK_CAPTURE(convolution, ours, false)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(convolution, libtorch, true)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

// Forward and backward as training does it: shards of rows on all cores.
void mamba_block(benchmark::State& state) {
  const Threads threads(state.range(0));
  torch::manual_seed(1);
  MambaBlockOptions options;
  options.d_model = kWidth;
  MambaBlock block(options);
  const auto x = torch::randn({kBatch, kLength, kWidth}), gradient = torch::randn({kBatch, kLength, kWidth});
  Fastest fastest;
  for (auto _ : state)
    fastest.take([&] {
      ShardedForward pass(
          block->parameters(), [&](const torch::Tensor& rows) { return std::vector{block->forward(rows)}; }, x,
          /*shard_rows=*/4);
      pass.outputs()[0].backward(gradient);
      pass.backward();
    });
  state.counters["clock_ms"] = fastest.clock_ms;
  state.counters["processor_ms"] = fastest.processor_ms;
}
BENCHMARK(mamba_block)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  for (const warifu::ScanKernels& kernels : warifu::scan_kernels()) {
    if (!kernels.runs_here()) continue;
    for (const bool with_backward : {false, true})
      benchmark::RegisterBenchmark(
          ("scan/" + std::string(kernels.name) + (with_backward ? "/forward_backward" : "/forward")).c_str(),
          warifu::scan, &kernels, with_backward)
          ->ArgName("threads")
          ->Arg(1)
          ->Arg(2)
          ->Unit(benchmark::kMillisecond);
  }
#ifdef WARIFU_CUDA
  if (torch::cuda::is_available())
    for (const bool with_backward : {false, true})
      benchmark::RegisterBenchmark(with_backward ? "scan/cuda/forward_backward" : "scan/cuda/forward",
                                   warifu::scan_on_gpu, with_backward)
          ->Unit(benchmark::kMillisecond);
#endif
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
