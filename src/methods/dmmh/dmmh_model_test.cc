#include <gtest/gtest.h>

#include "methods/dmmh/model.h"

namespace warifu {
namespace {

constexpr std::int64_t kItems = 5;

DmmhSettings small_settings(const std::string& fusion) {
  DmmhSettings settings;
  settings.fusion = fusion;
  settings.hidden = 12;
  settings.tokens = 4;
  settings.width = 6;
  return settings;
}

class DmmhNetworkTest : public testing::Test {
 protected:
  DmmhNetwork make(const DmmhSettings& settings) const {
    torch::manual_seed(7);
    DmmhNetwork network(shape_, settings);
    network->eval();
    const torch::NoGradGuard no_grad;
    for (auto& parameter : network->parameters()) parameter.add_(0.1 * torch::randn_like(parameter));
    return network;
  }

  DmmhShape shape_{.image_width = 10, .text_width = 8, .bits = {6, 8}};
  torch::Tensor image_ = torch::randn({kItems, 10});
  torch::Tensor text_ = torch::randn({kItems, 8});
};

torch::Tensor row(const torch::Tensor& all, std::int64_t i) { return all.narrow(0, i, 1); }

bool near(const torch::Tensor& a, const torch::Tensor& b) { return torch::allclose(a, b, 1e-4, 1e-5); }

TEST_F(DmmhNetworkTest, OfAnItemDoesNotDependOnOthers) {
  const torch::NoGradGuard no_grad;
  for (const char* fusion : {"gated", "additive", "concatenation"}) {
    auto network = make(small_settings(fusion));
    const auto both = network->outputs(image_, text_);
    EXPECT_EQ(both.sizes(), (std::vector<std::int64_t>{kItems, 14})) << fusion;
    for (std::int64_t i = 0; i < kItems; ++i)
      EXPECT_TRUE(near(network->outputs(row(image_, i), row(text_, i)), row(both, i))) << fusion;
  }
}

TEST_F(DmmhNetworkTest, EqualsItsEquations) {
  const torch::NoGradGuard no_grad;
  auto network = make(small_settings("gated"));
  const auto of = network->named_parameters();
  const auto linear = [&](const std::string& name, const torch::Tensor& x) {
    return x.matmul(of[name + ".weight"].t()) + of[name + ".bias"];
  };
  const auto norm = [&](const std::string& name, const torch::Tensor& x) {
    const auto mean = x.mean(-1, true), variance = (x - mean).pow(2).mean(-1, true);
    return (x - mean) / (variance + 1e-5).sqrt() * of[name + ".weight"] + of[name + ".bias"];
  };
  const auto hidden = [&](const std::string& half, const torch::Tensor& x) {
    return torch::tanh(norm(half + "_norm", linear(half + "_map", x)));
  };
  const auto tokens = [&](const std::string& half, const torch::Tensor& u) {
    MambaBlock mamba(MambaBlockOptions{.d_model = 6});
    for (auto& parameter : mamba->named_parameters()) parameter.value().copy_(of[half + "_mamba0." + parameter.key()]);
    const auto z = linear(half + "_dilation", u).view({-1, 4, 6}) + of[half + "_position"];
    return z + mamba(norm(half + "_mamba0_norm", z));
  };
  const auto codes = [&](const torch::Tensor& z) {  // [1, 24]
    // Each token to three channels by its own map; then those of the tokens of a group to the bits of the group.
    std::vector<torch::Tensor> squeezed;
    for (std::int64_t t = 0; t < 4; ++t) squeezed.push_back(z.narrow(1, 6 * t, 6).matmul(of["convolution.weight"][t]));
    const auto r = torch::tanh(norm("convolution_norm", torch::cat(squeezed, 1) + of["convolution.bias"]));
    std::vector<torch::Tensor> values;
    for (std::int64_t g = 0; g < 2; ++g)  // 6 bits of 4 tokens: two groups
      values.push_back(r.narrow(1, 6 * g, 6).matmul(of["head6.weight"][g]) + of["head6.bias"].narrow(0, 3 * g, 3));
    for (std::int64_t g = 0; g < 4; ++g)
      values.push_back(r.narrow(1, 3 * g, 3).matmul(of["head8.weight"][g]) + of["head8.bias"].narrow(0, 2 * g, 2));
    return torch::cat(values, 1);
  };
  const auto v = row(image_, 2), t = row(text_, 2);
  const auto u_v = hidden("image", v), u_t = hidden("text", t);
  const auto gate = torch::softmax(torch::cat({linear("image_gate", u_v), linear("text_gate", u_t)}, 1), 1);
  const auto z_v = tokens("image", u_v), z_t = tokens("text", u_t);
  const auto z = gate[0][0] * z_v + gate[0][1] * z_t;
  EXPECT_TRUE(near(network->outputs(v, t), codes(z.flatten(1))));
  EXPECT_TRUE(near(network->outputs(v, {}), codes(z_v.flatten(1))));
  EXPECT_TRUE(near(network->outputs({}, t), codes(z_t.flatten(1))));
}

TEST_F(DmmhNetworkTest, AddsTheHalvesWithoutAGateAsThePaperSays) {
  const torch::NoGradGuard no_grad;
  auto settings = small_settings("additive");
  settings.mamba = "no";
  auto network = make(settings);
  // With maps that make tokens of nothing but their bias, the sum of the two is the bias of the two.
  auto weights = network->named_parameters();
  weights["image_dilation.weight"].zero_();
  weights["text_dilation.weight"].zero_();
  const auto both = network->outputs(image_, text_);
  weights["image_dilation.bias"].add_(weights["text_dilation.bias"]);
  weights["image_position"].add_(weights["text_position"]);
  EXPECT_TRUE(near(network->outputs(image_, {}), both));
}

TEST_F(DmmhNetworkTest, IsTaughtByTheSameCodesThatItEncodesBy) {
  const torch::NoGradGuard no_grad;
  for (const char* fusion : {"gated", "additive", "concatenation"}) {
    auto network = make(small_settings(fusion));
    const auto taught = network->forward(image_, text_);
    EXPECT_TRUE(near(taught.both, network->outputs(image_, text_))) << fusion;
    EXPECT_TRUE(near(taught.image, network->outputs(image_, {}))) << fusion;
    EXPECT_TRUE(near(taught.text, network->outputs({}, text_))) << fusion;
    EXPECT_EQ(taught.gate.defined(), std::string(fusion) == "gated");
  }
}

TEST_F(DmmhNetworkTest, LeavesOutTheHalvesThatDoNotCount) {
  auto settings = small_settings("gated");
  settings.image_weight = 0;
  auto network = make(settings);
  const auto taught = network->forward(image_, text_);
  EXPECT_FALSE(taught.image.defined());
  EXPECT_TRUE(near(taught.text, network->outputs({}, text_)));
}

TEST_F(DmmhNetworkTest, GateLooksAtTheItem) {
  const torch::NoGradGuard no_grad;
  auto network = make(small_settings("gated"));
  const auto gate = network->forward(image_, text_).gate;
  EXPECT_GT(gate.max().item<float>() - gate.min().item<float>(), 0);
  EXPECT_TRUE(gate.gt(0).all().item<bool>() && gate.lt(1).all().item<bool>());
}

}  // namespace
}  // namespace warifu
