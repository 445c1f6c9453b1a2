#include "nn/mamba_block.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

MambaBlock drawn_block(std::int64_t d_model) {
  torch::manual_seed(1);
  MambaBlockOptions options;
  options.d_model = d_model;
  return MambaBlock(options);
}

TEST(MambaBlock, HasAsManyParametersAsThePapersCodeByTheSameNames) {
  const auto block = drawn_block(512);
  std::int64_t count = 0;
  std::set<std::string> names;
  for (const auto& parameter : block->named_parameters()) {
    count += parameter.value().numel();
    names.insert(parameter.key());
  }
  EXPECT_EQ(count, 1'694'720);
  EXPECT_EQ(names, (std::set<std::string>{"in_proj.weight", "conv1d.weight", "conv1d.bias", "x_proj.weight",
                                          "dt_proj.weight", "dt_proj.bias", "A_log", "D", "out_proj.weight"}));
  const auto parameters = block->named_parameters();
  EXPECT_EQ(parameters["conv1d.weight"].sizes(), (std::vector<std::int64_t>{1024, 1, 4}));
  EXPECT_EQ(parameters["x_proj.weight"].sizes(), (std::vector<std::int64_t>{64, 1024}));  // 32 + 2 * 16
}

TEST(MambaBlock, StartsWithDecaysOneToSixteenAndStepsBetweenAThousandthAndATenth) {
  const auto block = drawn_block(64);
  const auto parameters = block->named_parameters();
  const auto decay = torch::exp(parameters["A_log"]);
  EXPECT_TRUE(torch::allclose(decay, torch::arange(1, 17, torch::kFloat32).repeat({128, 1})));
  EXPECT_TRUE(torch::equal(parameters["D"], torch::ones({128})));
  const auto step = torch::softplus(parameters["dt_proj.bias"]);
  EXPECT_GT(step.min().item<float>(), 0.00099F);
  EXPECT_LT(step.max().item<float>(), 0.1001F);
  EXPECT_LT(step.min().item<float>(), 0.002F);  // spread evenly in the logarithm
  EXPECT_GT(step.max().item<float>(), 0.05F);
  EXPECT_LE(parameters["dt_proj.weight"].abs().max().item<float>(), 0.5F);  // dt_rank 4
}

TEST(MambaBlock, SeesThePresentAndThePastOnly) {
  auto block = drawn_block(24);
  const torch::NoGradGuard no_grad;
  auto x = torch::randn({2, 30, 24});
  const auto before = block(x);
  x.narrow(1, 17, 13).copy_(torch::randn({2, 13, 24}));
  const auto after = block(x);
  EXPECT_TRUE(torch::allclose(before.narrow(1, 0, 17), after.narrow(1, 0, 17), 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(before.narrow(1, 17, 1), after.narrow(1, 17, 1), 1e-3, 1e-3));
}

TEST(MambaBlock, GivesARowPassedAloneTheSameBitsWhateverElseIsThere) {
  auto block = drawn_block(40);
  const auto x = torch::randn({5, 19, 40});
  const auto one_by_one = [&](const std::vector<std::int64_t>& rows) {
    std::vector<torch::Tensor> results(rows.size());
    for_each_alone(rows.size(), [&](std::size_t i) { results[i] = block(x.narrow(0, rows[i], 1)); });
    return results;
  };
  const auto all = one_by_one({0, 1, 2, 3, 4});
  EXPECT_TRUE(torch::equal(one_by_one({3})[0], all[3]));
  EXPECT_TRUE(torch::equal(one_by_one({3, 0})[1], all[0]));
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::allclose(block(x), torch::cat(all), 1e-5, 1e-6));
}

TEST(MambaBlock, LearnsToRepeatATokenSeenThreeStepsAgo) {
  auto block = drawn_block(8);
  torch::optim::Adam optimizer(block->parameters(), torch::optim::AdamOptions(2e-2));
  double loss_value = 0;
  for (int step = 0; step < 400; ++step) {
    const auto x = torch::randn({16, 20, 8});
    const auto loss = (block(x).narrow(1, 3, 17) - x.narrow(1, 0, 17)).square().mean();
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    loss_value = loss.item<double>();
  }
  EXPECT_LT(loss_value, 0.6);  // tokens are independent: 1 is the best without the past
}

TEST(MambaBlock, OfNothingIsNothing) {
  auto block = drawn_block(16);
  EXPECT_EQ(block(torch::zeros({0, 7, 16})).sizes(), (std::vector<std::int64_t>{0, 7, 16}));
  EXPECT_EQ(block(torch::zeros({2, 0, 16})).sizes(), (std::vector<std::int64_t>{2, 0, 16}));
}

}  // namespace
}  // namespace warifu
