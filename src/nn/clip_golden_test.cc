#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <filesystem>

#include "nn/clip_image_tower.h"
#include "nn/clip_text_tower.h"
#include "nn/frozen_tower.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

const std::filesystem::path kClip = std::filesystem::path(WARIFU_SHARED_DIR) / "golden/clip_tiny";

// A small random CLIP in OpenAI's naming and what the reference implementation makes of nine
// difficult strings and four pictures.
class ClipGolden : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kClip)) GTEST_SKIP() << "no reference values at " << kClip;
    auto loaded = load_tensors(kClip / "io.safetensors");
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    reference = *std::move(loaded);
  }

  static float largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
    EXPECT_EQ(a.sizes(), b.sizes());
    return (a - b).abs().max().item<float>();
  }

  NamedTensors reference;
};

TEST_F(ClipGolden, ImageFeaturesAreWithin1e4OfTheReference) {
  auto tower = load_clip_image_tower(kClip / "model.safetensors");
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  EXPECT_EQ((*tower)->picture_format(), (PictureFormat{64, ImageFit::kCenterCrop, Resampling::kBicubic}));
  const auto output = (*tower)->forward(reference.at("image"));
  EXPECT_LT(largest_difference(output.global, reference.at("image_features")), 1e-4);
  EXPECT_EQ(output.tokens.sizes(), (std::vector<std::int64_t>{4, 16, 48}));
}

TEST_F(ClipGolden, TextFeaturesAreWithin1e4OfTheReference) {
  auto tower = load_clip_text_tower(kClip / "model.safetensors");
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  EXPECT_EQ((*tower)->context(), 77);
  const auto output = (*tower)->forward(reference.at("token_ids"));
  EXPECT_LT(largest_difference(output.global, reference.at("text_features")), 1e-4);
}

TEST_F(ClipGolden, WhatFollowsTheEndTokenCountsForNothing) {
  auto tower = load_clip_text_tower(kClip / "model.safetensors");
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  const auto ids = reference.at("token_ids");
  const auto end = ids[0].argmax().item<std::int64_t>();
  const auto cut = (*tower)->forward(ids.narrow(0, 0, 1).narrow(1, 0, end + 1));
  EXPECT_LT(largest_difference(cut.global, reference.at("text_features").narrow(0, 0, 1)), 1e-4);
}

TEST_F(ClipGolden, LogitsOfPicturesAndTextsAreWithin1e3OfTheReference) {
  auto image = load_clip_image_tower(kClip / "model.safetensors");
  auto text = load_clip_text_tower(kClip / "model.safetensors");
  auto weights = load_tensors(kClip / "model.safetensors");
  ASSERT_TRUE(image.has_value() && text.has_value() && weights.has_value());
  const auto unit = [](const torch::Tensor& x) { return x / x.norm(2, 1, /*keepdim=*/true); };
  const auto pictures = unit((*image)->forward(reference.at("image")).global);
  const auto texts = unit((*text)->forward(reference.at("token_ids").narrow(0, 0, 4)).global);
  const auto logits = weights->at("logit_scale").exp() * torch::matmul(pictures, texts.t());
  EXPECT_LT(largest_difference(logits, reference.at("logits_per_image")), 1e-3);
}

TEST_F(ClipGolden, APictureTransformerIsNotTakenForATextTransformerOfAnotherWidth) {
  auto weights = load_tensors(kClip / "model.safetensors");
  ASSERT_TRUE(weights.has_value());
  weights->erase("transformer.resblocks.1.mlp.c_fc.weight");
  const auto path = std::filesystem::path(testing::TempDir()) / "clip_without_a_matrix.safetensors";
  ASSERT_TRUE(save_tensors(path, *weights, {{"vision_heads", "2"}, {"transformer_heads", "2"}}).has_value());
  const auto text = load_clip_text_tower(path);
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code, ErrorCode::kIncompatible);
  EXPECT_THAT(text.error().message, testing::HasSubstr("'transformer.resblocks.1.mlp.c_fc.weight'"));
  EXPECT_TRUE(load_clip_image_tower(path).has_value());
  std::filesystem::remove(path);
}

TEST_F(ClipGolden, ATextEncodedFromItsCharactersAgreesWithTheReferenceAndNotWithItsNeighbours) {
  const auto vocabulary = std::filesystem::path(WARIFU_SHARED_DIR) / "data/clip_vocab/bpe_simple_vocab_16e6.txt.gz";
  if (!std::filesystem::exists(vocabulary)) GTEST_SKIP() << "no vocabulary at " << vocabulary;
  const auto tower = load_frozen_tower({"clip", kClip / "model.safetensors", vocabulary}, Modality::kText);
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  const std::vector<std::string> texts = {"a photo of a cat", "", "Turtle Check Men Navy Blue Shirt"};
  const auto rows = (*tower)->encode_texts(texts);
  ASSERT_TRUE(rows.has_value()) << rows.error().message;
  const auto expected = reference.at("text_features").narrow(0, 0, 2);
  const auto unit = expected / expected.norm(2, 1, /*keepdim=*/true);
  const auto found = to_tensor(*rows);
  EXPECT_LT(largest_difference(found[0], unit[0]), 1e-4);
  EXPECT_LT(largest_difference(found[2], unit[1]), 1e-4);
  const auto alone = (*tower)->encode_texts(std::span(texts).subspan(2));
  ASSERT_TRUE(alone.has_value());
  EXPECT_TRUE(std::ranges::equal(alone->row(0), rows->row(2)));
}

}  // namespace
}  // namespace warifu
