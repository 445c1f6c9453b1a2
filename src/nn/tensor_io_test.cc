#include "nn/tensor_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

namespace warifu {
namespace {

using testing::HasSubstr;

std::filesystem::path fresh_path() {
  static int count = 0;
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const auto folder =
      std::filesystem::path(testing::TempDir()) / ("tensor_io_" + std::to_string(::getpid())) / test->name();
  std::filesystem::create_directories(folder);
  return folder / ("file" + std::to_string(count++) + ".safetensors");
}

struct NormedLinearImpl : torch::nn::Module {
  explicit NormedLinearImpl(std::int64_t outputs = 3) {
    linear = register_module("linear", torch::nn::Linear(2, outputs));
    steps = register_buffer("steps", torch::tensor({7}, torch::kInt64));
  }
  torch::nn::Linear linear = nullptr;
  torch::Tensor steps;
};

TEST(SaveModule, ComesBackBitForBit) {
  torch::manual_seed(1);
  const NormedLinearImpl saved;
  NormedLinearImpl loaded;
  loaded.steps.fill_(0);
  const auto path = fresh_path();
  ASSERT_TRUE(save_module(path, saved).has_value());
  const auto result = load_module(path, loaded);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_TRUE(torch::equal(saved.linear->weight, loaded.linear->weight));
  EXPECT_TRUE(torch::equal(saved.linear->bias, loaded.linear->bias));
  EXPECT_EQ(loaded.steps.item<int>(), 7);
  EXPECT_TRUE(loaded.linear->weight.requires_grad());
}

TEST(LoadModule, NamesTheTensorThatIsMissingUnexpectedOrOfAnotherShape) {
  NormedLinearImpl module;
  const auto complete = named_tensors(module);
  const auto error_for = [&](const NamedTensors& tensors) {
    const auto path = fresh_path();
    EXPECT_TRUE(save_tensors(path, tensors).has_value());
    const auto result = load_module(path, module);
    return result ? Error{ErrorCode::kInternal, "loaded", ""} : result.error();
  };
  auto missing = complete;
  missing.erase("linear.bias");
  EXPECT_THAT(error_for(missing).message, HasSubstr("'linear.bias': missing"));
  auto unexpected = complete;
  unexpected["extra"] = torch::zeros({1});
  EXPECT_THAT(error_for(unexpected).message, HasSubstr("'extra': unexpected"));
  auto reshaped = complete;
  reshaped["linear.weight"] = torch::zeros({3, 4});
  EXPECT_THAT(error_for(reshaped).message, HasSubstr("'linear.weight': shape [3, 4], expected [3, 2]"));
  EXPECT_EQ(error_for(reshaped).code, ErrorCode::kIncompatible);
}

TEST(LoadModule, RefusesNumbersThatAreNotFiniteAndChangesNothing) {
  NormedLinearImpl module;
  const auto before = module.linear->bias.clone();
  auto tensors = named_tensors(module);
  tensors["linear.bias"] = torch::zeros({3});
  tensors["linear.weight"] = torch::full({3, 2}, std::numeric_limits<float>::quiet_NaN());
  const auto path = fresh_path();
  ASSERT_TRUE(save_tensors(path, tensors).has_value());
  const auto result = load_module(path, module);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(result.error().message, HasSubstr("'linear.weight': holds NaN or infinity"));
  EXPECT_TRUE(torch::equal(before, module.linear->bias));
}

TEST(LoadModule, TakesOnlyNamesOfItsPrefix) {
  NormedLinearImpl saved, loaded;
  NamedTensors tensors = {{"other", torch::zeros({1})}};
  for (const auto& [name, tensor] : named_tensors(saved)) tensors["tower." + name] = tensor;
  const auto path = fresh_path();
  ASSERT_TRUE(save_tensors(path, tensors).has_value());
  const auto file = open_safetensors(path);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(load_module(**file, loaded, "tower.").has_value());
  EXPECT_TRUE(torch::equal(saved.linear->weight, loaded.linear->weight));
}

TEST(LoadTensors, KeepsTypesEmptyTensorsAndScalars) {
  const NamedTensors tensors = {{"empty", torch::zeros({0, 5})},
                                {"scalar", torch::tensor(2.5)},
                                {"half", torch::tensor({1.5, -2.0}).to(torch::kFloat16)},
                                {"flags", torch::tensor({1, 0}).to(torch::kBool)},
                                {"pixels", torch::tensor({1, 255}).to(torch::kUInt8)}};
  const auto path = fresh_path();
  ASSERT_TRUE(save_tensors(path, tensors, {{"made by", "a test"}}).has_value());
  const auto loaded = load_tensors(path);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  ASSERT_EQ(loaded->size(), tensors.size());
  for (const auto& [name, tensor] : *loaded) {
    EXPECT_EQ(tensor.sizes(), tensors.at(name).sizes()) << name;
    EXPECT_TRUE(torch::equal(tensor, tensors.at(name).to(tensor.scalar_type()))) << name;
  }
  EXPECT_EQ(loaded->at("flags").scalar_type(), torch::kBool);
  EXPECT_EQ(loaded->at("pixels").scalar_type(), torch::kUInt8);
}

TEST(ToTensor, RefusesBytesThatDoNotFitTheShape) {
  const std::vector<std::byte> bytes(12);
  const auto refused = [&](std::string dtype, std::vector<std::int64_t> shape) {
    return !to_tensor("w", TensorView{std::move(dtype), std::move(shape), bytes}).has_value();
  };
  EXPECT_FALSE(refused("F32", {3}));
  EXPECT_TRUE(refused("F32", {4}));
  EXPECT_TRUE(refused("F32", {-3}));
  EXPECT_TRUE(refused("F32", {3, std::int64_t{1} << 62, 8}));
  EXPECT_TRUE(refused("F8", {12}));
}

TEST(FloatMatrixAndTensor, AreTheSameNumbers) {
  const FloatMatrix matrix(2, 3, {1, 2, 3, 4, 5, 6});
  const auto tensor = to_tensor(matrix);
  EXPECT_EQ(tensor[1][0].item<float>(), 4);
  const auto back = to_float_matrix(tensor.t().contiguous().t());
  EXPECT_TRUE(std::ranges::equal(matrix.values(), back.values()));
  EXPECT_EQ(to_float_matrix(torch::zeros({0, 3})).cols(), 3U);
}

}  // namespace
}  // namespace warifu
