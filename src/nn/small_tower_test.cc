#include <gtest/gtest.h>
#include <torch/torch.h>

#include <utility>
#include <vector>

#include "nn/augment.h"
#include "nn/small_image_tower.h"
#include "nn/small_text_tower.h"

namespace warifu {
namespace {

torch::Tensor random_pixels(std::int64_t count) {
  return torch::randint(0, 256, {count, 3, 96, 96}, torch::kInt64).to(torch::kUInt8);
}

std::int64_t parameters_of(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

TEST(SmallImageTower, GivesSixBySixTokensAndOneGlobalRow) {
  torch::manual_seed(1);
  SmallImageTower tower;
  const auto output = tower->forward(random_pixels(2));
  EXPECT_EQ(output.tokens.sizes(), (std::vector<std::int64_t>{2, 36, 160}));
  EXPECT_EQ(output.global.sizes(), (std::vector<std::int64_t>{2, 160}));
  EXPECT_FALSE(output.padding.defined());
  EXPECT_GT(parameters_of(*tower), 900'000);
  EXPECT_LT(parameters_of(*tower), 2'000'000);
}

TEST(SmallImageTower, APictureDoesNotDependOnItsNeighboursEvenWhileTraining) {
  torch::manual_seed(2);
  SmallImageTower tower;
  tower->train();
  const auto pixels = random_pixels(5);
  const auto together = tower->forward(pixels).global;
  const auto alone = tower->forward(pixels.narrow(0, 3, 1)).global;
  EXPECT_TRUE(torch::allclose(together.narrow(0, 3, 1), alone, 1e-4, 1e-5));
}

TEST(SmallImageTower, EveryParameterReceivesAGradient) {
  torch::manual_seed(3);
  SmallImageTower tower;
  tower->forward(random_pixels(2)).global.pow(3).sum().backward();
  for (const auto& entry : tower->named_parameters()) {
    ASSERT_TRUE(entry.value().grad().defined()) << entry.key();
    EXPECT_GT(entry.value().grad().abs().max().item<float>(), 0) << entry.key();
  }
}

TEST(SmallImageTower, TellsLeftFromRight) {
  torch::manual_seed(4);
  SmallImageTower tower;
  auto pixels = torch::zeros({1, 3, 96, 96}, torch::kUInt8);
  pixels.narrow(3, 0, 48).fill_(255);
  const auto apart = (tower->forward(pixels).global - tower->forward(pixels.flip(3)).global).abs().max();
  EXPECT_GT(apart.item<float>(), 1e-3);
}

TEST(PicturesToTensor, PutsChannelsInFront) {
  Image picture{96, 96, std::vector<std::uint8_t>(96 * 96 * 3)};
  picture.rgb[(5 * 96 + 7) * 3 + 2] = 200;  // blue of row 5, column 7
  const auto pixels = pictures_to_tensor(std::span(&picture, 1));
  EXPECT_EQ(pixels.sizes(), (std::vector<std::int64_t>{1, 3, 96, 96}));
  EXPECT_EQ(pixels[0][2][5][7].item<int>(), 200);
  EXPECT_EQ(pixels.sum().item<int>(), 200);
}

TEST(SmallTextTower, ARowDoesNotDependOnThePaddingThatFollowsIt) {
  torch::manual_seed(5);
  SmallTextTower tower(100);
  tower->eval();
  const auto ids = torch::tensor({{4, 8, 15}}, torch::kInt64);
  const auto padded = torch::constant_pad_nd(ids, {0, 40});
  const auto alone = tower->forward(ids), followed = tower->forward(padded);
  EXPECT_TRUE(torch::allclose(alone.global, followed.global, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(alone.tokens, followed.tokens.narrow(1, 0, 3), 1e-5, 1e-6));
  EXPECT_EQ(followed.tokens.narrow(1, 3, 40).abs().max().item<float>(), 0);
  EXPECT_EQ(followed.padding.sum().item<int>(), 40);
}

TEST(SmallTextTower, ATextWithoutPiecesGivesZerosAndNoNan) {
  SmallTextTower tower(100);
  tower->eval();
  const auto output = tower->forward(torch::tensor({{0, 0}, {3, 0}}, torch::kInt64));
  EXPECT_EQ(output.global[0].abs().max().item<float>(), 0);
  EXPECT_GT(output.global[1].abs().max().item<float>(), 0);
  EXPECT_TRUE(torch::isfinite(output.tokens).all().item<bool>());
}

TEST(SmallTextTower, WordOrderMatters) {
  torch::manual_seed(6);
  SmallTextTower tower(100);
  tower->eval();
  const auto global = tower->forward(torch::tensor({{7, 9, 11}, {11, 9, 7}}, torch::kInt64)).global;
  EXPECT_GT((global[0] - global[1]).abs().max().item<float>(), 1e-4);
}

TEST(PiecesToTensor, LeavesZeroForPaddingAndCutsLongTexts) {
  const std::vector<std::vector<std::int32_t>> ids = {{0, 5}, {}, std::vector<std::int32_t>(200, 3)};
  const auto padded = pieces_to_tensor(ids);
  EXPECT_EQ(padded.sizes(), (std::vector<std::int64_t>{3, SmallTextTowerImpl::kContext}));
  EXPECT_EQ(padded[0][0].item<int>(), 1);
  EXPECT_EQ(padded[0][1].item<int>(), 6);
  EXPECT_EQ(padded[0][2].item<int>(), 0);
  EXPECT_EQ(padded[1].sum().item<int>(), 0);
  EXPECT_EQ(pieces_to_tensor(std::span(ids).subspan(1, 1)).sizes(), (std::vector<std::int64_t>{1, 1}));
}

TEST(AugmentPictures, IsAFunctionOfTheSeed) {
  const auto pixels = random_pixels(4);
  Rng first(7), again(7), other(8);
  const auto varied = augment_pictures(pixels, first);
  EXPECT_TRUE(torch::equal(varied, augment_pictures(pixels, again)));
  EXPECT_FALSE(torch::equal(varied, augment_pictures(pixels, other)));
  EXPECT_EQ(varied.sizes(), pixels.sizes());
}

TEST(AugmentPictures, MovesAMarkByAtMostATwelfthAndMirrorsHalfTheTime) {
  auto pixels = torch::zeros({200, 3, 96, 96}, torch::kUInt8);
  pixels.narrow(2, 40, 1).narrow(3, 20, 1).fill_(255);
  Rng rng(9);
  const auto varied = augment_pictures(pixels, rng).select(1, 0).to(torch::kFloat32).flatten(1).argmax(1);
  int mirrored = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const auto place = varied[i].item<std::int64_t>();
    const auto y = place / 96, x = place % 96;
    EXPECT_LE(std::abs(y - 40), 8);
    const bool right_half = x >= 48;
    EXPECT_LE(std::abs((right_half ? 95 - x : x) - 20), 8);
    mirrored += right_half ? 1 : 0;
  }
  EXPECT_GT(mirrored, 60);
  EXPECT_LT(mirrored, 140);
}

TEST(DropPieces, DropsTheWantedShareButNeverAWholeText) {
  auto ids = torch::ones({100, 50}, torch::kInt64);
  ids.narrow(0, 0, 1).zero_();      // no pieces at all
  ids[1].narrow(0, 1, 49).zero_();  // one piece
  Rng rng(10);
  const auto kept = drop_pieces(ids, 0.9, rng);
  const auto pieces = kept.ne(0).sum(1);
  EXPECT_EQ(pieces[0].item<int>(), 0);
  EXPECT_EQ(pieces[1].item<int>(), 1);
  EXPECT_GE(pieces.narrow(0, 1, 99).min().item<int>(), 1);
  const double share = kept.narrow(0, 2, 98).to(torch::kFloat64).mean().item<double>();
  EXPECT_NEAR(share, 0.1 + 0.9 / 50, 0.02);
  Rng unused(11);
  EXPECT_TRUE(torch::equal(drop_pieces(ids, 0, unused), ids));
}

// Cross entropy of telling `outputs` apart, each a class of its own, before and after `steps` of Adam.
template <typename Tower>
std::pair<float, float> learnt_apart(Tower& tower, const torch::Tensor& inputs, int steps) {
  torch::nn::Linear classifier(tower->width(), inputs.size(0));
  auto parameters = tower->parameters();
  for (const auto& parameter : classifier->parameters()) parameters.push_back(parameter);
  torch::optim::Adam adam(parameters, torch::optim::AdamOptions(1e-3));
  float first = 0, last = 0;
  for (int step = 0; step < steps; ++step) {
    adam.zero_grad();
    const auto loss = torch::nn::functional::cross_entropy(classifier(tower->forward(inputs).global),
                                                           torch::arange(inputs.size(0), torch::kInt64));
    loss.backward();
    adam.step();
    last = loss.template item<float>();
    if (step == 0) first = last;
  }
  return {first, last};
}

TEST(SmallTowers, LearnToTellAFewPicturesAndTextsApart) {
  torch::manual_seed(12);
  SmallImageTower pictures;
  const auto [picture_first, picture_last] = learnt_apart(pictures, random_pixels(6), 15);
  EXPECT_LT(picture_last, 0.3F * picture_first);
  SmallTextTower texts(50);
  const auto ids = torch::randint(1, 51, {6, 5}, torch::kInt64);
  const auto [text_first, text_last] = learnt_apart(texts, ids, 15);
  EXPECT_LT(text_last, 0.3F * text_first);
}

}  // namespace
}  // namespace warifu
