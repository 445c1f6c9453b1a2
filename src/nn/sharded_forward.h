#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace warifu {

// One training step's pass through a tower on all cores: the batch is cut into shards, each goes
// forward and back on one thread. The result does not depend on the number of threads: shards have a
// fixed size and their gradients are added in their order.
//
//   ShardedForward pass(tower->parameters(), [&](const torch::Tensor& x) { return
//   std::vector{tower->forward(x).global}; }, batch); loss_of(pass.outputs()[0], …).backward();   // the whole batch,
//   as usual; fills gradients of outputs() pass.backward();                            // and carries them on into the
//   tower
//
// `forward` must be safe to call from several threads, treat rows independently and draw nothing
// from torch's generator (no dropout; see nn/augment.h). Without gradients (torch::NoGradGuard) outputs are
// plain values. Holds SingleThreadedTensors while it works, not in between.
class ShardedForward {
 public:
  using Forward = std::function<std::vector<torch::Tensor>(const torch::Tensor& rows)>;

  // batch [n, …] -> outputs()[k] [n, …] for each tensor that `forward` returns.
  ShardedForward(std::vector<torch::Tensor> parameters, const Forward& forward, const torch::Tensor& batch,
                 std::int64_t shard_rows = 32);

  const std::vector<torch::Tensor>& outputs() const { return outputs_; }

  // Adds to .grad() of the parameters what the gradients of outputs() mean for them. Once.
  void backward();

 private:
  std::vector<torch::Tensor> parameters_;
  std::int64_t shard_rows_;
  std::vector<std::vector<torch::Tensor>> shards_;  // of each shard: its outputs, with their graph
  std::vector<torch::Tensor> outputs_;              // joined and cut off from the graph
};

}  // namespace warifu
