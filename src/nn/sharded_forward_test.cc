#include "nn/sharded_forward.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

#include "base/parallel.h"
#include "nn/single_threaded_tensors.h"
#include "nn/small_image_tower.h"

namespace warifu {
namespace {

std::vector<torch::Tensor> gradients_of(SmallImageTower& tower, const torch::Tensor& pixels, std::size_t threads) {
  set_thread_count(threads);
  tower->zero_grad();
  ShardedForward pass(
      tower->parameters(),
      [&](const torch::Tensor& rows) {
        const auto output = tower->forward(rows);
        return std::vector{output.global, output.tokens};
      },
      pixels, 2);
  (pass.outputs()[0].pow(3).sum() + pass.outputs()[1].pow(3).mean()).backward();
  pass.backward();
  set_thread_count(0);
  std::vector<torch::Tensor> gradients;
  for (const auto& parameter : tower->parameters()) gradients.push_back(parameter.grad().clone());
  return gradients;
}

TEST(ShardedForward, GivesTheGradientOfTheWholeBatch) {
  torch::manual_seed(1);
  SmallImageTower tower;
  const auto pixels = torch::randint(0, 256, {5, 3, 96, 96}, torch::kInt64).to(torch::kUInt8);
  const auto sharded = gradients_of(tower, pixels, 2);
  tower->zero_grad();
  const auto output = tower->forward(pixels);
  (output.global.pow(3).sum() + output.tokens.pow(3).mean()).backward();
  for (std::size_t p = 0; p < sharded.size(); ++p) {
    const auto whole = tower->parameters()[p].grad();
    EXPECT_LT((sharded[p] - whole).norm().item<float>(), 1e-3 * whole.norm().item<float>() + 1e-5);
  }
}

TEST(ShardedForward, IsTheSameToTheLastBitForAnyNumberOfThreads) {
  torch::manual_seed(2);
  SmallImageTower tower;
  const auto pixels = torch::randint(0, 256, {7, 3, 96, 96}, torch::kInt64).to(torch::kUInt8);
  const auto one = gradients_of(tower, pixels, 1);
  const auto three = gradients_of(tower, pixels, 3);
  for (std::size_t p = 0; p < one.size(); ++p) EXPECT_TRUE(torch::equal(one[p], three[p])) << p;
}

TEST(ShardedForward, AddsToGradientsThatAreThere) {
  auto weight = torch::tensor({2.0F}, torch::requires_grad());
  weight.mutable_grad() = torch::tensor({10.0F});
  ShardedForward pass(
      {weight}, [&](const torch::Tensor& x) { return std::vector{x * weight}; }, torch::tensor({1.0F, 2.0F, 3.0F}), 2);
  pass.outputs()[0].sum().backward();
  pass.backward();
  EXPECT_EQ(weight.grad().item<float>(), 16);  // 10 + 1 + 2 + 3
}

TEST(ShardedForward, GivesPlainValuesWhenGradientsAreOff) {
  const auto weight = torch::tensor({2.0F}, torch::requires_grad());
  const torch::NoGradGuard no_grad;
  const ShardedForward pass(
      {weight}, [&](const torch::Tensor& x) { return std::vector{x * weight}; }, torch::tensor({1.0F, 2.0F, 3.0F}), 2);
  EXPECT_FALSE(pass.outputs()[0].requires_grad());
  EXPECT_EQ(pass.outputs()[0].sum().item<float>(), 12);
}

TEST(SingleThreadedTensors, GivesTheFormerSettingBack) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  {
    const SingleThreadedTensors outer;
    EXPECT_EQ(at::get_num_threads(), 1);
    { const SingleThreadedTensors inner; }
    EXPECT_EQ(at::get_num_threads(), 1);
  }
  EXPECT_EQ(at::get_num_threads(), 3);
  at::set_num_threads(before);
}

TEST(ForEachAlone, VisitsEachItemOnceWithoutNestedThreadsOrGradients) {
  set_thread_count(4);
  at::set_num_threads(2);
  std::vector<int> threads(50, -1), gradients(50, -1);
  for_each_alone(50, [&](std::size_t i) {
    threads[i] = at::get_num_threads() + (at::in_parallel_region() ? 100 : 0);
    gradients[i] = torch::GradMode::is_enabled() ? 1 : 0;
  });
  EXPECT_EQ(threads, std::vector<int>(50, 1));
  EXPECT_EQ(gradients, std::vector<int>(50, 0));
  EXPECT_EQ(at::get_num_threads(), 2);
  EXPECT_THROW(for_each_alone(3, [](std::size_t) { throw std::runtime_error("a torn tensor"); }), std::runtime_error);
  set_thread_count(0);
}

}  // namespace
}  // namespace warifu
