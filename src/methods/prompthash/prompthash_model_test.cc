#include <gtest/gtest.h>

#include "methods/prompthash/model.h"

namespace warifu {
namespace {

constexpr std::int64_t kItems = 6;

PromptHashSettings small_settings() {
  PromptHashSettings settings;
  settings.tokens = 3;
  settings.width = 16;
  settings.auxiliary_bits = 12;
  return settings;
}

class PromptHashNetworkTest : public testing::Test {
 protected:
  PromptHashNetwork make(const PromptHashSettings& settings) const {
    torch::manual_seed(7);
    PromptHashNetwork network(shape_, settings);
    network->eval();
    return network;
  }

  torch::Tensor row(const torch::Tensor& all, std::int64_t i) const { return all.narrow(0, i, 1); }

  PromptHashShape shape_{.image_width = 10, .text_width = 8, .concepts = 4, .bits = {4, 8, 12}};
  torch::Tensor image_ = torch::randn({kItems, 10});
  torch::Tensor text_ = torch::randn({kItems, 8});
  torch::Tensor labels_ = torch::eye(4).index_select(0, torch::tensor({0, 1, 2, 3, 0, 1}, torch::kInt64));
};

TEST_F(PromptHashNetworkTest, MakesAnImageCodeOfTheImageAloneAndATextCodeOfTheTextAlone) {
  const torch::NoGradGuard no_grad;
  auto network = make(small_settings());
  // Nothing else is given: it cannot be looked at.
  const auto of_image = network->outputs(Modality::kImage, image_, {}, {});
  const auto of_text = network->outputs(Modality::kText, {}, text_, {});
  EXPECT_EQ(of_image.sizes(), (std::vector<std::int64_t>{kItems, 12}));  // 4 + 8: without the auxiliary code
  EXPECT_EQ(of_text.sizes(), of_image.sizes());
  const auto of_both = network->outputs(Modality::kBoth, image_, text_, {});
  for (std::int64_t i = 0; i < kItems; ++i) {
    EXPECT_TRUE(
        torch::allclose(network->outputs(Modality::kImage, row(image_, i), {}, {}), row(of_image, i), 1e-4, 1e-5));
    EXPECT_TRUE(torch::allclose(network->outputs(Modality::kText, {}, row(text_, i), {}), row(of_text, i), 1e-4, 1e-5));
    EXPECT_TRUE(torch::allclose(network->outputs(Modality::kBoth, row(image_, i), row(text_, i), {}), row(of_both, i),
                                1e-4, 1e-5));
  }
}

TEST_F(PromptHashNetworkTest, EqualsItsEquations) {
  const torch::NoGradGuard no_grad;
  auto settings = small_settings();
  auto network = make(settings);
  for (auto& parameter : network->parameters()) parameter.add_(0.1 * torch::randn_like(parameter));
  const auto of = network->named_parameters();
  const auto copy = [&](const std::string& prefix, torch::nn::Module& to) {
    for (auto& parameter : to.named_parameters()) parameter.value().copy_(of[prefix + parameter.key()]);
  };
  TransformerBlock block(TransformerBlockOptions{.width = 16, .heads = settings.heads, .hidden = 32});
  copy("prompt_block.", *block);
  GatedFusion fusion(GatedFusionOptions{.width = 16, .heads = settings.heads});
  fusion->eval();
  copy("fusion.", *fusion);
  ResidualMlp mlp(48, 48, 1, 0.0);
  copy("mlp.", *mlp);
  const auto linear = [&](const std::string& name, const torch::Tensor& x) {
    return x.matmul(of[name + ".weight"].t()) + of[name + ".bias"];
  };
  const auto norm = [&](const std::string& name, const torch::Tensor& x) {
    const auto mean = x.mean(-1, true), variance = (x - mean).pow(2).mean(-1, true);
    return (x - mean) / (variance + 1e-5).sqrt() * of[name + ".weight"] + of[name + ".bias"];
  };
  const auto spoken = [&](const std::string& half, const torch::Tensor& features) {  // Y, [1, 3, 16]
    const auto x =
        torch::gelu(norm(half + "_norm", linear(half + "_tokens", features).view({1, 3, 16}) + of[half + "_position"]));
    const auto a = torch::softmax(linear(half + "_affinity", x.view({1, 48})), 1);
    const auto p = (of["context"] + a.matmul(of["concepts"])).unsqueeze(0);
    const auto both = norm("prompt_norm", block(torch::cat({x, p}, 1)));
    return both.narrow(1, 0, 3) * (1 + both.narrow(1, 3, 3));
  };
  const auto y_v = spoken("image", row(image_, 0)), y_t = spoken("text", row(text_, 0));
  const auto null_v = of["image_null"].unsqueeze(0), null_t = of["text_null"].unsqueeze(0);
  const auto code = [&](const torch::Tensor& r) {
    return linear("head.linear", mlp(r.view({1, 48}))).narrow(1, 0, 12);
  };
  const auto image = code((y_v + fusion(torch::cat({y_v, null_t}, 1)).narrow(1, 0, 3)) / 2);
  const auto text = code((y_t + fusion(torch::cat({null_v, y_t}, 1)).narrow(1, 1, 3)) / 2);
  const auto fused = fusion(torch::cat({y_v, y_t}, 1));
  const auto both = code((y_v + y_t + fused.narrow(1, 0, 3) + fused.narrow(1, 3, 3)) / 4);
  EXPECT_TRUE(torch::allclose(network->outputs(Modality::kImage, row(image_, 0), {}, {}), image, 1e-3, 1e-4));
  EXPECT_TRUE(torch::allclose(network->outputs(Modality::kText, {}, row(text_, 0), {}), text, 1e-3, 1e-4));
  EXPECT_TRUE(torch::allclose(network->outputs(Modality::kBoth, row(image_, 0), row(text_, 0), {}), both, 1e-3, 1e-4));
}

TEST_F(PromptHashNetworkTest, IsTaughtByTheSameCodesThatItEncodesBy) {
  const torch::NoGradGuard no_grad;
  auto network = make(small_settings());
  const auto taught = network->forward(image_, text_, labels_);
  EXPECT_TRUE(torch::allclose(network->heads(taught.image).narrow(1, 0, 12),
                              network->outputs(Modality::kImage, image_, {}, {}), 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(network->heads(taught.both).narrow(1, 0, 12),
                              network->outputs(Modality::kBoth, image_, text_, {}), 1e-4, 1e-5));
}

TEST_F(PromptHashNetworkTest, PredictsPromptsFromTheHalfAndFromLabelsInModeOracleAlone) {
  const torch::NoGradGuard no_grad;
  const auto others = labels_.flip(0);
  auto strict = make(small_settings());
  EXPECT_TRUE(strict->outputs(Modality::kImage, image_, {}, labels_)
                  .equal(strict->outputs(Modality::kImage, image_, {}, others)));
  auto settings = small_settings();
  settings.mode = "oracle";
  auto oracle = make(settings);
  EXPECT_FALSE(oracle->outputs(Modality::kImage, image_, {}, labels_)
                   .equal(oracle->outputs(Modality::kImage, image_, {}, others)));
}

TEST_F(PromptHashNetworkTest, MixesPairsAndNeighboursInModePaper) {
  const torch::NoGradGuard no_grad;
  auto settings = small_settings();
  settings.mode = "paper";
  auto paper = make(settings);
  const auto codes = paper->outputs(Modality::kImage, image_, text_, {});
  EXPECT_FALSE(torch::allclose(paper->outputs(Modality::kImage, image_, text_ + 1, {}), codes, 1e-3, 1e-3));
  EXPECT_FALSE(
      torch::allclose(paper->outputs(Modality::kImage, row(image_, 0), row(text_, 0), {}), row(codes, 0), 1e-3, 1e-3));
}

TEST_F(PromptHashNetworkTest, TrainsItsPromptTokens) {
  auto network = make(small_settings());
  network->train();
  const auto outputs = network->forward(image_, text_, labels_);
  network->heads(torch::cat({outputs.image, outputs.text, outputs.both})).pow(2).sum().backward();
  for (const char* name : {"concepts", "context", "image_affinity.weight", "text_affinity.weight"})
    EXPECT_GT(network->named_parameters()[name].grad().abs().max().item<double>(), 0) << name;
}

TEST_F(PromptHashNetworkTest, WithoutAPartHasNoneOfItsParameters) {
  const auto has = [&](PromptHashSettings settings, const std::string& part) {
    for (const auto& parameter : make(settings)->named_parameters())
      if (parameter.key().find(part) != std::string::npos) return true;
    return false;
  };
  auto settings = small_settings();
  EXPECT_TRUE(has(settings, "concepts") && has(settings, "fusion") && has(settings, "mamba"));
  settings.ssm = "no";
  EXPECT_FALSE(has(settings, "mamba"));
  EXPECT_TRUE(has(settings, "fusion"));
  settings.fusion = "no";
  EXPECT_FALSE(has(settings, "fusion") || has(settings, "null"));
  settings.prompts = "no";
  EXPECT_FALSE(has(settings, "concepts") || has(settings, "prompt") || has(settings, "affinity"));
  EXPECT_EQ(make(settings)->outputs(Modality::kText, {}, text_, {}).size(0), kItems);
}

}  // namespace
}  // namespace warifu
