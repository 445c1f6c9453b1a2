// How many times faster than libtorch operators in a loop over time is the selective scan, forward and
// backward, at batch 16, length 197, d_model 512 (1,024 channels, 16 states)? And what does a whole
// Mamba block take?
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/causal_conv.h"
#include "nn/mamba_block.h"
#include "nn/selective_scan.h"
#include "nn/selective_scan_kernels.h"
#include "nn/sharded_forward.h"

namespace warifu {
namespace {

constexpr std::int64_t kBatch = 16, kLength = 197, kWidth = 512, kChannels = 2 * kWidth, kStates = 16;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

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

// Ours and theirs in turns, as other programs use the machine, too; the fastest of each counts.
void ratio_to_libtorch(benchmark::State& state) {
  const auto inputs = drawn_inputs();
  const auto y_gradient = torch::randn({kBatch, kLength, kChannels});
  double ours = 1e9, theirs = 1e9, worst = 1e9, best = 0;
  at::set_num_threads(static_cast<int>(thread_count()));
  for (auto _ : state) {
    const double our = seconds_of([&] { selective_scan(inputs).backward(y_gradient); });
    const double their = seconds_of([&] { scan_in_libtorch(inputs).backward(y_gradient); });
    ours = std::min(ours, our);
    theirs = std::min(theirs, their);
    worst = std::min(worst, their / our);
    best = std::max(best, their / our);
    state.SetIterationTime(our);
  }
  at::set_num_threads(1);
  state.counters["ours_ms"] = ours * 1e3;
  state.counters["libtorch_ms"] = theirs * 1e3;
  state.counters["ratio"] = theirs / ours;
  state.counters["worst_pair"] = worst;
  state.counters["best_pair"] = best;
}
BENCHMARK(ratio_to_libtorch)->UseManualTime()->Iterations(7)->Unit(benchmark::kMillisecond);

void scan(benchmark::State& state, const ScanKernels& kernels, bool with_backward) {
  set_thread_count(static_cast<std::size_t>(state.range(0)));
  const auto inputs = drawn_inputs();
  const auto y_gradient = torch::randn({kBatch, kLength, kChannels});
  double fastest = 1e9;
  for (auto _ : state) {
    const double seconds = seconds_of([&] {
      const auto y = selective_scan(inputs, kernels);
      if (with_backward) y.backward(y_gradient);
    });
    fastest = std::min(fastest, seconds);
  }
  set_thread_count(0);
  state.counters["fastest_ms"] = fastest * 1e3;
  // an update of one state of one channel at one time of one row
  state.counters["updates/s"] = static_cast<double>(kBatch * kLength * kChannels * kStates) / fastest;
}

void convolution(benchmark::State& state, bool by_libtorch) {
  const auto x = torch::randn({kBatch, kLength, kChannels}).set_requires_grad(true);
  const auto y_gradient = torch::randn({kBatch, kLength, kChannels});
  torch::nn::Conv1d conv(torch::nn::Conv1dOptions(kChannels, kChannels, 4).groups(kChannels).padding(3));
  at::set_num_threads(static_cast<int>(thread_count()));
  double fastest = 1e9;
  for (auto _ : state) {
    fastest = std::min(fastest, seconds_of([&] {
                         const auto y =
                             by_libtorch
                                 ? torch::silu(conv->forward(x.transpose(1, 2)).narrow(2, 0, kLength)).transpose(1, 2)
                                 : causal_conv_silu(x, conv->weight, conv->bias);
                         y.backward(y_gradient);
                       }));
  }
  at::set_num_threads(1);
  state.counters["fastest_ms"] = fastest * 1e3;
}
BENCHMARK_CAPTURE(convolution, ours, false)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(convolution, libtorch, true)->Unit(benchmark::kMillisecond)->UseRealTime();

// Forward and backward as training does it: shards of rows on all cores.
void mamba_block(benchmark::State& state) {
  torch::manual_seed(1);
  MambaBlockOptions options;
  options.d_model = kWidth;
  MambaBlock block(options);
  const auto x = torch::randn({kBatch, kLength, kWidth}), gradient = torch::randn({kBatch, kLength, kWidth});
  double fastest = 1e9;
  for (auto _ : state) {
    fastest = std::min(fastest, seconds_of([&] {
                         ShardedForward pass(
                             block->parameters(),
                             [&](const torch::Tensor& rows) { return std::vector{block->forward(rows)}; }, x,
                             /*shard_rows=*/4);
                         pass.outputs()[0].backward(gradient);
                         pass.backward();
                       }));
  }
  state.counters["fastest_ms"] = fastest * 1e3;
}
BENCHMARK(mamba_block)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  for (const warifu::ScanKernels& kernels : warifu::scan_kernels()) {
    if (!kernels.runs_here()) continue;
    for (const bool with_backward : {false, true})
      benchmark::RegisterBenchmark(
          ("scan/" + std::string(kernels.name) + (with_backward ? "/forward_backward" : "/forward")).c_str(),
          warifu::scan, kernels, with_backward)
          ->ArgName("threads")
          ->Arg(1)
          ->Arg(2)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
