#include "nn/sharded_forward.h"

#include <utility>

#include "base/parallel.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

void for_each_shard(std::size_t count, const std::function<void(std::size_t)>& work) {
  const SingleThreadedTensors single_threaded;
  const bool with_gradients = torch::GradMode::is_enabled();  // belongs to a thread, so it is passed on
  parallel_for(count, 1, [&](std::size_t begin, std::size_t end) {
    TORCH_INTERNAL_ASSERT(at::get_num_threads() == 1);
    const torch::AutoGradMode mode(with_gradients);
    for (std::size_t i = begin; i < end; ++i) work(i);
  });
}

}  // namespace

ShardedForward::ShardedForward(std::vector<torch::Tensor> parameters, const Forward& forward,
                               const torch::Tensor& batch, std::int64_t shard_rows)
    : parameters_(std::move(parameters)), shard_rows_(shard_rows) {
  TORCH_CHECK(shard_rows > 0 && batch.dim() > 0 && batch.size(0) > 0, "a batch without rows");
  const auto inputs = batch.split(shard_rows);
  shards_.resize(inputs.size());
  for_each_shard(inputs.size(), [&](std::size_t i) { shards_[i] = forward(inputs[i]); });
  for (std::size_t k = 0; k < shards_.front().size(); ++k) {
    std::vector<torch::Tensor> parts;
    for (const auto& shard : shards_) parts.push_back(shard[k].detach());
    outputs_.push_back(torch::cat(parts).set_requires_grad(torch::GradMode::is_enabled()));
  }
}

void ShardedForward::backward() {
  std::vector<std::vector<torch::Tensor>> gradients(shards_.size());  // of each shard, for each parameter
  for_each_shard(shards_.size(), [&](std::size_t i) {
    std::vector<torch::Tensor> ends, end_gradients;
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      const torch::Tensor whole = outputs_[k].grad();
      if (!whole.defined() || !shards_[i][k].requires_grad()) continue;
      ends.push_back(shards_[i][k]);
      end_gradients.push_back(whole.narrow(0, static_cast<std::int64_t>(i) * shard_rows_, ends.back().size(0)));
    }
    if (ends.empty()) return;
    gradients[i] = torch::autograd::grad(ends, parameters_, end_gradients, /*retain_graph=*/false,
                                         /*create_graph=*/false, /*allow_unused=*/true);
    shards_[i].clear();
  });
  shards_.clear();
  const torch::NoGradGuard no_grad;
  for (const auto& of_shard : gradients) {
    for (std::size_t p = 0; p < of_shard.size(); ++p) {
      if (!of_shard[p].defined()) continue;
      torch::Tensor& sum = parameters_[p].mutable_grad();
      sum = sum.defined() ? sum + of_shard[p] : of_shard[p];
    }
  }
}

}  // namespace warifu
