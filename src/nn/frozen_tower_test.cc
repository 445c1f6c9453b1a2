#include "nn/frozen_tower.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/mobilenet_v2.h"
#include "nn/small_image_tower.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

using testing::HasSubstr;

// Weights drawn at random and pictures of noise, in a folder of their own.
class FrozenTowers : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(1);
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder = std::filesystem::path(testing::TempDir()) / fmt::format("frozen_{}_{}", ::getpid(), test->name());
    std::filesystem::create_directories(folder);
  }
  void TearDown() override {
    std::filesystem::remove_all(folder);
    set_thread_count(0);
  }

  std::filesystem::path save(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata = {}) {
    const auto path = folder / (fmt::format("weights{}.safetensors", saved++));
    EXPECT_TRUE(save_tensors(path, tensors, metadata).has_value());
    return path;
  }

  std::filesystem::path words() {
    const auto path = folder / "words.txt";
    EXPECT_TRUE(write_file_atomically(path, "shirt\nblue\nmen\n").has_value());
    return path;
  }

  std::filesystem::path folder;
  int saved = 0;
};

Image noise(int width, int height, std::uint64_t seed) {
  Image picture{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3))};
  Rng rng(seed);
  for (auto& value : picture.rgb) value = static_cast<std::uint8_t>(rng.below(256));
  return picture;
}

void add_convolution(NamedTensors& tensors, const std::string& convolution, const std::string& norm,
                     std::int64_t outputs, std::int64_t inputs, std::int64_t kernel) {
  const double fan = static_cast<double>(inputs * kernel * kernel);
  tensors[convolution + ".weight"] = torch::randn({outputs, inputs, kernel, kernel}) * std::sqrt(2 / fan);
  tensors[norm + ".weight"] = 0.5 + torch::rand({outputs});
  tensors[norm + ".bias"] = 0.1 * torch::randn({outputs});
  tensors[norm + ".running_mean"] = 0.1 * torch::randn({outputs});
  tensors[norm + ".running_var"] = 0.5 + torch::rand({outputs});
}

NamedTensors mobilenet_weights() {
  NamedTensors tensors;
  add_convolution(tensors, "features.0.0", "features.0.1", 32, 3, 3);
  struct Row {
    std::int64_t expansion, outputs, count;
  };
  constexpr std::array<Row, 7> kRows = {
      {{1, 16, 1}, {6, 24, 2}, {6, 32, 3}, {6, 64, 4}, {6, 96, 3}, {6, 160, 3}, {6, 320, 1}}};
  std::int64_t channels = 32;
  int number = 1;
  for (const Row& row : kRows) {
    for (std::int64_t i = 0; i < row.count; ++i, ++number) {
      const std::string name = fmt::format("features.{}.conv.", number);
      const std::int64_t hidden = channels * row.expansion;
      const bool expands = row.expansion > 1;
      if (expands) add_convolution(tensors, name + "0.0", name + "0.1", hidden, channels, 1);
      const std::string depthwise = name + (expands ? "1" : "0");
      add_convolution(tensors, depthwise + ".0", depthwise + ".1", hidden, 1, 3);
      add_convolution(tensors, name + (expands ? "2" : "1"), name + (expands ? "3" : "2"), row.outputs, hidden, 1);
      channels = row.outputs;
    }
  }
  add_convolution(tensors, "features.18.0", "features.18.1", 1280, channels, 1);
  return tensors;
}

// Width 64, one head, one block, 2 x 2 patches of 16 pixels, joint width 24.
NamedTensors clip_image_weights() {
  NamedTensors tensors;
  const auto add = [&](const std::string& name, torch::IntArrayRef shape) {
    tensors["visual." + name] = 0.1 * torch::randn(shape);
  };
  add("class_embedding", {64});
  add("positional_embedding", {5, 64});
  add("proj", {64, 24});
  add("conv1.weight", {64, 3, 16, 16});
  for (const char* norm : {"ln_pre", "ln_post", "transformer.resblocks.0.ln_1", "transformer.resblocks.0.ln_2"}) {
    add(std::string(norm) + ".weight", {64});
    add(std::string(norm) + ".bias", {64});
  }
  const std::string block = "transformer.resblocks.0.";
  add(block + "attn.in_proj_weight", {192, 64});
  add(block + "attn.in_proj_bias", {192});
  add(block + "attn.out_proj.weight", {64, 64});
  add(block + "attn.out_proj.bias", {64});
  add(block + "mlp.c_fc.weight", {256, 64});
  add(block + "mlp.c_fc.bias", {256});
  add(block + "mlp.c_proj.weight", {64, 256});
  add(block + "mlp.c_proj.bias", {64});
  return tensors;
}

Error load_error(const TowerSpec& spec, Modality modality) {
  const auto tower = load_frozen_tower(spec, modality);
  return tower ? Error{ErrorCode::kInternal, "loaded", ""} : tower.error();
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

TEST_F(FrozenTowers, ARowIsTheSameToTheLastBitWhateverTheBatchTheOrderAndTheThreads) {
  const std::array specs = {TowerSpec{"classic", {}, {}}, TowerSpec{"mobilenet_v2", save(mobilenet_weights()), {}},
                            TowerSpec{"clip", save(clip_image_weights()), {}}};
  for (const TowerSpec& spec : specs) {
    SCOPED_TRACE(spec.name);
    const auto tower = load_frozen_tower(spec, Modality::kImage);
    ASSERT_TRUE(tower.has_value()) << tower.error().message;
    std::vector<Image> pictures;
    for (std::uint64_t i = 0; i < 9; ++i) pictures.push_back(noise(60 + static_cast<int>(i), 80, i));
    set_thread_count(1);
    const auto alone = (*tower)->encode_pictures(std::span(pictures).subspan(4, 1));
    ASSERT_TRUE(alone.has_value()) << alone.error().message;
    ASSERT_EQ(alone->cols(), (*tower)->width());
    EXPECT_TRUE(std::ranges::any_of(alone->row(0), [](float value) { return value != 0; }));
    set_thread_count(4);
    const auto together = (*tower)->encode_pictures(pictures);
    std::ranges::reverse(pictures);
    const auto reversed = (*tower)->encode_pictures(pictures);
    ASSERT_TRUE(together.has_value() && reversed.has_value());
    EXPECT_TRUE(same_bits(alone->row(0), together->row(4)));
    for (std::size_t i = 0; i < 9; ++i) EXPECT_TRUE(same_bits(together->row(i), reversed->row(8 - i))) << i;
    EXPECT_FALSE(same_bits(together->row(0), together->row(1)));
  }
}

TEST_F(FrozenTowers, BagOfWordsMarksTheWordsOfATextAndNoNeighbours) {
  const auto tower = load_frozen_tower({"bow", {}, words()}, Modality::kText);
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  const std::vector<std::string> texts = {"Blue SHIRT", "", "men, men, men"};
  const auto rows = (*tower)->encode_texts(texts);
  ASSERT_TRUE(rows.has_value());
  EXPECT_THAT(rows->row(0), testing::ElementsAre(1, 1, 0));
  EXPECT_THAT(rows->row(1), testing::ElementsAre(0, 0, 0));
  EXPECT_THAT(rows->row(2), testing::ElementsAre(0, 0, 1));
}

TEST_F(FrozenTowers, GiveTheirPartsBehindTheWholeAndAnotherFingerprintForEachNumber) {
  const std::array specs = {TowerSpec{"classic", {}, {}}, TowerSpec{"mobilenet_v2", save(mobilenet_weights()), {}},
                            TowerSpec{"clip", save(clip_image_weights()), {}}};
  const std::array pictures = {noise(80, 60, 3)};
  for (TowerSpec spec : specs) {
    SCOPED_TRACE(spec.name);
    const auto alone = load_frozen_tower(spec, Modality::kImage);
    spec.parts = 4;
    const auto in_four = load_frozen_tower(spec, Modality::kImage);
    spec.parts = 9;
    const auto in_nine = load_frozen_tower(spec, Modality::kImage);
    ASSERT_TRUE(alone.has_value() && in_four.has_value() && in_nine.has_value());
    EXPECT_NE((*alone)->fingerprint(), (*in_four)->fingerprint());
    EXPECT_NE((*in_four)->fingerprint(), (*in_nine)->fingerprint());
    const std::size_t width = (*alone)->width();
    ASSERT_EQ((*in_four)->width(), 5 * width);
    const auto whole = (*alone)->encode_pictures(pictures);
    const auto rows = (*in_four)->encode_pictures(pictures);
    ASSERT_TRUE(whole.has_value() && rows.has_value());
    EXPECT_TRUE(same_bits(whole->row(0), rows->row(0).first(width)));
    for (std::size_t part = 1; part < 4; ++part)
      EXPECT_FALSE(
          same_bits(rows->row(0).subspan(part * width, width), rows->row(0).subspan((part + 1) * width, width)));
  }
}

TEST_F(FrozenTowers, PartsOfMobilenetAreMeansOverAGridOfItsTokens) {
  const auto weights = save(mobilenet_weights());
  const std::array pictures = {noise(224, 224, 3)};
  const auto rows =
      load_frozen_tower({"mobilenet_v2", weights, {}, 49}, Modality::kImage).value()->encode_pictures(pictures);
  ASSERT_TRUE(rows.has_value());
  const auto row = to_tensor(*rows)[0].view({50, -1});  // one token a part: their mean is the whole
  EXPECT_TRUE(row.narrow(0, 1, 49).mean(0).allclose(row[0], 1e-3, 1e-4));
  const auto in_one =
      load_frozen_tower({"mobilenet_v2", weights, {}, 1}, Modality::kImage).value()->encode_pictures(pictures);
  ASSERT_TRUE(in_one.has_value());
  EXPECT_TRUE(to_tensor(*in_one)[0].view({2, -1})[1].allclose(row[0], 1e-3, 1e-4));
}

TEST_F(FrozenTowers, PartsOfATextAreItsPhrases) {
  const auto tower = load_frozen_tower({"bow", {}, words(), 3}, Modality::kText);
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  const std::vector<std::string> texts = {"blue shirt. for men", ""};
  const auto rows = (*tower)->encode_texts(texts);
  ASSERT_TRUE(rows.has_value());
  EXPECT_THAT(rows->row(0), testing::ElementsAre(1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0));
  EXPECT_THAT(rows->row(1), testing::Each(0.0F));
}

TEST_F(FrozenTowers, RefusePartsThatMakeNoGridOrAreTooMany) {
  EXPECT_EQ(load_error({"classic", {}, {}, 5}, Modality::kImage).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({"classic", {}, {}, -1}, Modality::kImage).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({"bow", {}, words(), 65}, Modality::kText).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(load_error({"classic", {}, {}, 5}, Modality::kImage).hint, HasSubstr("square grid"));
}

TEST_F(FrozenTowers, ClipFeaturesHaveLengthOne) {
  const auto tower = load_frozen_tower({"clip", save(clip_image_weights()), {}}, Modality::kImage);
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  EXPECT_EQ((*tower)->picture_format(), (PictureFormat{32, ImageFit::kCenterCrop, Resampling::kBicubic}));
  const std::array pictures = {noise(32, 32, 5)};
  const auto rows = (*tower)->encode_pictures(pictures);
  ASSERT_TRUE(rows.has_value());
  const auto row = rows->row(0);
  EXPECT_NEAR(std::inner_product(row.begin(), row.end(), row.begin(), 0.0), 1, 1e-5);
}

// A blue thing on white.
Image drawn_thing(int side) {
  Image picture{side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(side * side * 3), 255)};
  for (int y = side / 4; y < side / 2; ++y)
    for (int x = side / 4; x < side / 2; ++x)
      for (std::size_t c = 0; c < 2; ++c) picture.rgb[static_cast<std::size_t>(y * side + x) * 3 + c] = 40;
  return picture;
}

// What all patches add is what the picture brings beside an empty one, up to the steps of the path. (MobileNetV2 with
// weights drawn at random has too many corners for eight steps; its slope has a test of its own.)
TEST_F(FrozenTowers, PatchesAddUpToWhatThePictureBrings) {
  struct Case {
    TowerSpec spec;
    int side;
    std::size_t grid;
    double tolerance;
  };
  const std::array cases = {Case{{"clip", save(clip_image_weights()), {}}, 32, 2, 0.05},
                            Case{{"clip", save(clip_image_weights()), {}, 4}, 32, 2, 0.05}};
  for (const Case& one : cases) {
    const auto tower = load_frozen_tower(one.spec, Modality::kImage);
    ASSERT_TRUE(tower.has_value()) << tower.error().message;
    const std::array pictures = {
        drawn_thing(one.side),
        Image{one.side, one.side, std::vector<std::uint8_t>(drawn_thing(one.side).rgb.size(), 255)}};
    const auto rows = (*tower)->encode_pictures(pictures).value();
    // Away from the empty picture, so that no share is a small difference of large ones.
    std::vector<float> direction(rows.cols());
    double brought = 0;
    for (std::size_t k = 0; k < direction.size(); ++k) {
      direction[k] = rows.row(0)[k] - rows.row(1)[k];
      brought += double{direction[k]} * double{direction[k]};
    }
    const auto patches =
        (*tower)->attribute_picture(pictures[0], [&](std::span<const float>) { return direction; }).value();
    EXPECT_EQ(patches.rows, one.grid) << one.spec.name;
    const double sum = std::accumulate(patches.weights.begin(), patches.weights.end(), 0.0);
    EXPECT_NEAR(sum, brought, one.tolerance * brought) << one.spec.name << " with " << one.spec.parts << " parts";
    EXPECT_NEAR(patches.weights.back(), 0, 1e-6) << "nothing is to be seen in the corner";
  }
}

TEST_F(FrozenTowers, MobilenetHasTheSlopeThatSmallStepsShow) {
  const auto network = MobilenetV2::load(save(mobilenet_weights()));
  ASSERT_TRUE(network.has_value()) << network.error().message;
  const std::array pictures = {drawn_thing(64)};
  const auto pixels = pictures_to_tensor(pictures).to(torch::kFloat32).clamp(20, 235);
  const auto weights = torch::randn({MobilenetV2::kWidth});
  const auto leaf = pixels.clone().requires_grad_(true);
  const auto global = network->forward(leaf).global;
  EXPECT_TRUE(torch::allclose(global.detach(), network->forward(pixels).global, 1e-4, 1e-4));
  const auto slope = torch::autograd::grad({(global * weights).sum()}, {leaf}).front();
  const auto step = 0.02 * slope / slope.norm();  // uphill, where it is larger than the corners on the way
  const auto at = [&](const torch::Tensor& moved) {
    return (network->forward(moved).global * weights).sum().item<double>();
  };
  const double seen = (at(pixels + step) - at(pixels - step)) / 2;
  EXPECT_NEAR((slope * step).sum().item<double>(), seen, 0.1 * std::abs(seen));
}

TEST_F(FrozenTowers, GiveTheCallersThreadSettingBack) {
  const auto tower = load_frozen_tower({"clip", save(clip_image_weights()), {}}, Modality::kImage);
  ASSERT_TRUE(tower.has_value());
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  const std::array pictures = {noise(32, 32, 5)};
  ASSERT_TRUE((*tower)->encode_pictures(pictures).has_value());
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_TRUE(torch::GradMode::is_enabled());
  at::set_num_threads(before);
}

TEST_F(FrozenTowers, PaddingAndInputScalingAreWhatTheMetadataSays) {
  const auto tensors = mobilenet_weights();
  const std::array pictures = {noise(224, 224, 3)};
  std::vector<FloatMatrix> features;
  for (const auto& metadata : std::vector<std::map<std::string, std::string>>{
           {}, {{"padding", "same (TensorFlow)"}}, {{"input", "RGB 224x224 bilinear, x/127.5-1"}}}) {
    const auto tower = load_frozen_tower({"mobilenet_v2", save(tensors, metadata), {}}, Modality::kImage);
    ASSERT_TRUE(tower.has_value()) << tower.error().message;
    auto rows = (*tower)->encode_pictures(pictures);
    ASSERT_TRUE(rows.has_value());
    features.push_back(*std::move(rows));
  }
  EXPECT_FALSE(same_bits(features[0].row(0), features[1].row(0)));
  EXPECT_FALSE(same_bits(features[0].row(0), features[2].row(0)));
}

TEST_F(FrozenTowers, FingerprintFollowsTheWeights) {
  const auto fingerprint = [&](const NamedTensors& tensors) {
    const auto tower = load_frozen_tower({"clip", save(tensors), {}}, Modality::kImage);
    return tower ? (*tower)->fingerprint() : tower.error().message;
  };
  auto tensors = clip_image_weights();
  const auto first = fingerprint(tensors);
  EXPECT_EQ(first, fingerprint(tensors));
  tensors["visual.proj"] = tensors["visual.proj"] + 1;
  EXPECT_NE(first, fingerprint(tensors));
}

TEST_F(FrozenTowers, HostileWeightsAreRefusedWithTheNameOfTheTensor) {
  const auto mobilenet = mobilenet_weights();
  const auto clip = clip_image_weights();
  const auto error_with = [&](const char* tower, NamedTensors tensors, const char* name, const torch::Tensor& value) {
    if (value.defined()) tensors[name] = value;
    if (!value.defined()) tensors.erase(name);
    const auto error = load_error({tower, save(tensors), {}}, Modality::kImage);
    EXPECT_THAT(error.message, HasSubstr(fmt::format("'{}'", name)));
    return error.code;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const char* conv = "features.7.conv.1.0.weight";
  EXPECT_EQ(error_with("mobilenet_v2", mobilenet, conv, {}), ErrorCode::kIncompatible);
  EXPECT_EQ(error_with("mobilenet_v2", mobilenet, conv, torch::zeros({3})), ErrorCode::kIncompatible);
  EXPECT_EQ(error_with("mobilenet_v2", mobilenet, conv, torch::full({192, 1, 3, 3}, nan)), ErrorCode::kBadFormat);
  EXPECT_EQ(error_with("mobilenet_v2", mobilenet, "features.18.1.running_var", torch::full({1280}, -1.0F)),
            ErrorCode::kBadFormat);
  EXPECT_EQ(error_with("mobilenet_v2", mobilenet, "features.19.0.weight", torch::zeros({1})), ErrorCode::kIncompatible);
  const char* attention = "visual.transformer.resblocks.0.attn.in_proj_weight";
  EXPECT_EQ(error_with("clip", clip, attention, {}), ErrorCode::kIncompatible);
  EXPECT_EQ(error_with("clip", clip, attention, torch::zeros({192, 63})), ErrorCode::kIncompatible);
  EXPECT_EQ(error_with("clip", clip, attention, torch::full({192, 64}, nan)), ErrorCode::kBadFormat);
  EXPECT_EQ(error_with("clip", clip, "visual.positional_embedding", torch::zeros({7, 64})), ErrorCode::kIncompatible);
  EXPECT_EQ(error_with("clip", clip, "visual.conv1.weight", torch::zeros({64, 3, 16, 15})), ErrorCode::kIncompatible);
  EXPECT_EQ(error_with("clip", clip, "visual.what", torch::zeros({1})), ErrorCode::kIncompatible);
}

TEST_F(FrozenTowers, AResnetClipIsRefusedByThatName) {
  const auto error =
      load_error({"clip", save({{"visual.layer1.0.conv1.weight", torch::zeros({1})}}), {}}, Modality::kImage);
  EXPECT_EQ(error.code, ErrorCode::kIncompatible);
  EXPECT_THAT(error.message, HasSubstr("ResNet"));
}

TEST_F(FrozenTowers, HeadsComeFromTheConfigurationBesideTheWeights) {
  const auto weights = save(clip_image_weights());
  ASSERT_TRUE(write_file_atomically(folder / "config.json", R"({"vision_heads": 3})").has_value());
  EXPECT_THAT(load_error({"clip", weights, {}}, Modality::kImage).message, HasSubstr("cannot have 3 heads"));
  ASSERT_TRUE(write_file_atomically(folder / "config.json", R"({"vision_heads": 2)").has_value());
  EXPECT_EQ(load_error({"clip", weights, {}}, Modality::kImage).code, ErrorCode::kBadFormat);
  ASSERT_TRUE(write_file_atomically(folder / "config.json", R"({"vision_heads": 2})").has_value());
  EXPECT_TRUE(load_frozen_tower({"clip", weights, {}}, Modality::kImage).has_value());
  ASSERT_TRUE(write_file_atomically(folder / "config.json", R"({"activation": "relu"})").has_value());
  EXPECT_THAT(load_error({"clip", weights, {}}, Modality::kImage).message, HasSubstr("'relu'"));
}

TEST_F(FrozenTowers, UnknownNamesAndMissingFilesAreSaid) {
  const auto unknown = load_error({"resnet", {}, {}}, Modality::kImage);
  EXPECT_EQ(unknown.code, ErrorCode::kNotFound);
  EXPECT_THAT(unknown.hint, HasSubstr("classic, mobilenet_v2, clip"));
  EXPECT_EQ(load_error({"bow", {}, {}}, Modality::kImage).code, ErrorCode::kNotFound);
  EXPECT_EQ(load_error({"mobilenet_v2", {}, {}}, Modality::kImage).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({"bow", {}, {}}, Modality::kText).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(load_error({"mobilenet_v2", folder / "none", {}}, Modality::kImage).code, ErrorCode::kNotFound);
  EXPECT_TRUE(is_trained_tower("small"));
  EXPECT_FALSE(is_trained_tower("classic"));
}

TEST_F(FrozenTowers, APictureTowerRefusesTextsAndABrokenPictureIsNamed) {
  const auto tower = load_frozen_tower({"classic", {}, {}}, Modality::kImage);
  ASSERT_TRUE(tower.has_value());
  const std::array<std::string, 1> texts = {"a"};
  EXPECT_EQ((*tower)->encode_texts(texts).error().code, ErrorCode::kInvalidArgument);
  const std::array pictures = {noise(20, 20, 1), Image{}, noise(20, 20, 2), Image{5, 5, {1, 2}}};
  const auto rows = (*tower)->encode_pictures(pictures);
  ASSERT_FALSE(rows.has_value());
  EXPECT_THAT(rows.error().message, HasSubstr("picture 1"));
  const auto none = (*tower)->encode_pictures({});
  ASSERT_TRUE(none.has_value());
  EXPECT_EQ(none->rows(), 0U);
}

}  // namespace
}  // namespace warifu
