#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>

#include "nn/mamba_block.h"
#include "nn/selective_scan.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

const std::filesystem::path kMamba = std::filesystem::path(WARIFU_SHARED_DIR) / "golden";

// Inputs, outputs and gradients that the reference implementation (state-spaces/mamba) gives.
class MambaGolden : public testing::Test {
 protected:
  void read(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no reference values at " << path;
    auto loaded = load_tensors(path);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    reference = *std::move(loaded);
  }

  void expect_within_1e4(const torch::Tensor& found, const std::string& name) {
    const auto& expected = reference.at(name);
    ASSERT_EQ(found.sizes(), expected.sizes()) << name;
    EXPECT_LT((found - expected).abs().max().item<float>(), 1e-4) << name;
  }

  NamedTensors reference;
};

TEST_F(MambaGolden, SelectiveScanAndItsGradientsAreWithin1e4OfTheReference) {
  read(kMamba / "selective_scan/case.safetensors");
  if (reference.empty()) return;
  std::map<std::string, torch::Tensor> leaves;
  for (const char* name : {"u", "delta", "A", "B", "C", "D", "z", "delta_bias"})
    leaves[name] = reference.at(name).clone().set_requires_grad(true);
  // the reference has time last
  const auto time_first = [&](const char* name) { return leaves[name].transpose(1, 2); };
  SelectiveScanInputs inputs;
  inputs.u = time_first("u");
  inputs.delta = time_first("delta");
  inputs.A = leaves["A"];
  inputs.B = time_first("B");
  inputs.C = time_first("C");
  inputs.D = leaves["D"];
  inputs.z = time_first("z");
  inputs.delta_bias = leaves["delta_bias"];
  inputs.delta_softplus = true;
  const auto out = selective_scan(inputs).transpose(1, 2);
  expect_within_1e4(out, "out");
  out.backward(reference.at("grad_out"));
  for (const auto& [name, leaf] : leaves) expect_within_1e4(leaf.grad(), "grad_" + name);
}

TEST_F(MambaGolden, MambaBlockAndItsGradientsAreWithin1e4OfTheReference) {
  read(kMamba / "mamba_block/case.safetensors");
  if (reference.empty()) return;
  MambaBlockOptions options;
  options.d_model = 32;
  MambaBlock block(options);
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : block->named_parameters()) parameter.value().copy_(reference.at(parameter.key()));
  }
  const auto x = reference.at("x").clone().set_requires_grad(true);
  const auto out = block(x);
  expect_within_1e4(out, "out");
  out.backward(reference.at("grad_out"));
  expect_within_1e4(x.grad(), "grad.x");
  for (const auto& parameter : block->named_parameters())
    expect_within_1e4(parameter.value().grad(), "grad." + parameter.key());
}

}  // namespace
}  // namespace warifu
