#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/fresh_folder_for_test.h"
#include "base/rng.h"
#include "methods/method.h"
#include "nn/tensor_io.h"
#include "text/tokenizer.h"

namespace warifu {

// Pairs of a few kinds, as features: kind c of a picture is its own random direction, of a text
// another one, both with noise. Item i is of kind i % kinds, and so is its label.
inline TrainingSet synthetic_pairs(std::size_t items, std::size_t kinds, std::uint64_t seed) {
  constexpr std::size_t kImageWidth = 24;
  constexpr std::size_t kTextWidth = 20;
  Rng rng(seed);
  const auto noise = [&] { return static_cast<float>(rng.uniform() + rng.uniform() + rng.uniform() - 1.5); };
  const auto make = [&](std::size_t width) {
    FloatMatrix centres(kinds, width);
    for (float& value : centres.values()) value = 3 * noise();
    FloatMatrix features(items, width);
    for (std::size_t i = 0; i < items; ++i)
      for (std::size_t k = 0; k < width; ++k) features.row(i)[k] = centres.row(i % kinds)[k] + noise() / 2;
    return features;
  };
  TrainingSet set;
  set.image.tower.name = "given";
  set.text.tower.name = "given";
  set.image.features = make(kImageWidth);
  set.text.features = make(kTextWidth);
  set.label_values = kinds;
  for (std::size_t i = 0; i < items; ++i) set.labels.push_back({static_cast<std::uint32_t>(i % kinds)});
  for (std::size_t i = 0; i < items; ++i) (i % 8 == 7 ? set.validation : set.train).push_back(i);
  return set;
}

// Pictures of one colour each, with a text that names it, and the colour as label: item i is of colour i % 3. For
// towers that are trained; `vocabulary` is made of the texts there.
inline TrainingSet coloured_pairs(std::size_t items, const std::filesystem::path& vocabulary) {
  const std::array<std::string, 3> names = {"a red thing", "the green one", "something blue"};
  TrainingSet set;
  Rng rng(9);
  for (std::size_t i = 0; i < items; ++i) {
    Image picture{96, 96, std::vector<std::uint8_t>(96 * 96 * 3)};
    for (std::size_t b = 0; b < picture.rgb.size(); ++b)
      picture.rgb[b] = static_cast<std::uint8_t>((b % 3 == i % 3 ? 200 : 20) + rng.below(30));
    set.image.pictures.push_back(std::move(picture));
    set.text.texts.push_back(names[i % 3]);
    set.labels.push_back({static_cast<std::uint32_t>(i % 3)});
    set.train.push_back(i);
  }
  set.label_values = 3;
  if (!train_sentencepiece(set.text.texts, kMinPieces, vocabulary)) std::abort();
  set.image.tower = {"small", {}, {}};
  set.text.tower = {"small", {}, vocabulary};
  return set;
}

// Whether both have the same parameters and buffers, to the last bit.
inline bool same_model(const torch::nn::Module& a, const torch::nn::Module& b) {
  const auto left = named_tensors(a);
  const auto right = named_tensors(b);
  return left.size() == right.size() &&
         std::ranges::all_of(left, [&](const auto& entry) { return entry.second.equal(right.at(entry.first)); });
}

// Inputs that point into the features of `set`, which must outlive them.
inline std::vector<EncoderInput> feature_inputs(const TrainingSet& set) {
  std::vector<EncoderInput> inputs(set.image.features.rows());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].image_features = set.image.features.row(i);
    inputs[i].text_features = set.text.features.row(i);
  }
  return inputs;
}

// The share of picture codes whose nearest text code (at the last code length) is of the same kind.
inline double matching_share(const Encoder& encoder, const TrainingSet& set, std::size_t kinds) {
  const auto inputs = feature_inputs(set);
  const CodeMatrix images = encoder.encode(inputs, Modality::kImage).value().back();
  const CodeMatrix texts = encoder.encode(inputs, Modality::kText).value().back();
  std::size_t matching = 0;
  for (std::size_t i = 0; i < images.count(); ++i) {
    std::size_t nearest = 0;
    int least = 1 << 30;
    for (std::size_t j = 0; j < texts.count(); ++j) {
      int distance = 0;
      for (std::size_t w = 0; w < images.words_per_code(); ++w)
        distance += __builtin_popcountll(images.row(i)[w] ^ texts.row(j)[w]);
      if (distance < least) {
        least = distance;
        nearest = j;
      }
    }
    matching += nearest % kinds == i % kinds;
  }
  return static_cast<double>(matching) / static_cast<double>(images.count());
}

}  // namespace warifu
