#include "nn/mobilenet_v2.h"

#include <array>
#include <optional>
#include <string>

#include "nn/tensor_io.h"

namespace warifu {
namespace {

constexpr double kBatchNormEpsilon = 1e-5;

// Channels innermost: a picture takes two thirds of the time (measured, one thread, oneDNN 2.6).
constexpr auto kLayout = torch::MemoryFormat::ChannelsLast;

// Table 2 of the paper: blocks of `outputs` channels, the first of them with `stride`.
struct Stage {
  std::int64_t expansion, outputs, blocks, stride;
};
constexpr std::array<Stage, 7> kStages = {
    {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};

std::string metadata_value(const SafetensorsFile& file, std::string_view key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? "" : found->second;
}

torch::Tensor per_channel(float red, float green, float blue) {
  return torch::tensor({red, green, blue}).view({1, 3, 1, 1});
}

}  // namespace

// Reads convolutions in order and keeps the first error.
struct MobilenetV2::Reader {
  const SafetensorsFile& file;
  std::optional<Error> error = {};

  torch::Tensor weight(const std::string& name, torch::IntArrayRef shape) {
    auto tensor = read_weight(file, name, shape);
    if (tensor) return *std::move(tensor);
    if (!error) error = tensor.error();
    return torch::zeros(shape);
  }

  // `convolution` and `norm` are the names' beginnings; batch norm becomes part of the convolution.
  Convolution folded(const std::string& convolution, const std::string& norm, std::int64_t inputs, std::int64_t outputs,
                     std::int64_t kernel, std::int64_t stride, std::int64_t groups, bool clipped) {
    const auto weights = weight(convolution + ".weight", {outputs, inputs / groups, kernel, kernel});
    const auto variance = weight(norm + ".running_var", {outputs});
    if (!error && variance.min().item<float>() < 0) {
      error = Error{ErrorCode::kBadFormat, "tensor '" + norm + ".running_var': a negative variance", ""};
    }
    const auto scale = weight(norm + ".weight", {outputs}) / torch::sqrt(variance + kBatchNormEpsilon);
    const auto mean = weight(norm + ".running_mean", {outputs});
    const auto bias = weight(norm + ".bias", {outputs}) - mean * scale;
    return {(weights * scale.view({-1, 1, 1, 1})).contiguous(kLayout), bias.contiguous(), stride, groups, clipped};
  }

  Block inverted_residual(const std::string& name, std::int64_t inputs, const Stage& stage, std::int64_t stride) {
    Block block{{}, stride == 1 && inputs == stage.outputs};
    const std::int64_t hidden = inputs * stage.expansion;
    int next = 0;
    const auto part = [&] { return name + ".conv." + std::to_string(next++); };
    if (stage.expansion != 1) {
      const std::string expand = part();
      block.convolutions.push_back(folded(expand + ".0", expand + ".1", inputs, hidden, 1, 1, 1, true));
    }
    const std::string depthwise = part();
    block.convolutions.push_back(folded(depthwise + ".0", depthwise + ".1", hidden, hidden, 3, stride, hidden, true));
    const std::string project = part(), norm = part();
    block.convolutions.push_back(folded(project, norm, hidden, stage.outputs, 1, 1, 1, false));
    return block;
  }
};

Result<MobilenetV2> MobilenetV2::load(const std::filesystem::path& weights) {
  const auto file = open_safetensors(weights);
  if (!file) return Fail(file.error());
  auto network = load(**file);
  if (!network) return with_context(weights.string(), network.error());
  return network;
}

Result<MobilenetV2> MobilenetV2::load(const SafetensorsFile& file) {
  MobilenetV2 network;
  network.same_padding_ = metadata_value(file, "padding").starts_with("same");
  if (metadata_value(file, "input").find("x/127.5-1") != std::string::npos) {
    network.mean_ = per_channel(127.5F, 127.5F, 127.5F);
    network.scale_ = per_channel(1 / 127.5F, 1 / 127.5F, 1 / 127.5F);
  } else {  // ImageNet's, as torchvision trains with
    network.mean_ = per_channel(123.675F, 116.28F, 103.53F);
    network.scale_ = per_channel(1 / 58.395F, 1 / 57.12F, 1 / 57.375F);
  }

  Reader reader{file};
  network.blocks_.push_back({{reader.folded("features.0.0", "features.0.1", 3, 32, 3, 2, 1, true)}, false});
  std::int64_t channels = 32;
  int number = 1;
  for (const Stage& stage : kStages) {
    for (std::int64_t i = 0; i < stage.blocks; ++i, ++number) {
      const std::string name = "features." + std::to_string(number);
      network.blocks_.push_back(reader.inverted_residual(name, channels, stage, i == 0 ? stage.stride : 1));
      channels = stage.outputs;
    }
  }
  network.blocks_.push_back(
      {{reader.folded("features.18.0", "features.18.1", channels, kWidth, 1, 1, 1, true)}, false});
  if (reader.error) return Fail(*reader.error);
  for (const auto& [name, tensor] : file.tensors()) {
    if (name.starts_with("features.19.")) {
      return fail(ErrorCode::kIncompatible, "tensor '" + name + "': unexpected",
                  "these weights belong to another model");
    }
  }
  return network;
}

namespace {

// A convolution that looks at one pixel at a time is a matrix product over the pixels, here of one picture after
// another: so a picture's features do not depend on how many there are. (For a single picture and one thread torch 1.13
// leaves oneDNN for a loop of its own, which took four fifths of the time.)
torch::Tensor pointwise(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  const std::int64_t pictures = x.size(0), inputs = x.size(1), height = x.size(2), width = x.size(3);
  const std::int64_t outputs = weight.size(0);
  const auto rows = x.permute({0, 2, 3, 1}).contiguous().view({pictures, height * width, inputs});
  const auto matrix = weight.view({outputs, inputs}).t();
  if (x.requires_grad())  // what is written into a given tensor has no gradient
    return torch::addmm(bias, rows.flatten(0, 1), matrix)
        .view({pictures, height, width, outputs})
        .permute({0, 3, 1, 2});
  auto result = torch::empty({pictures, height * width, outputs}, x.options());
  for (std::int64_t i = 0; i < pictures; ++i) {
    auto picture = result[i];
    torch::addmm_out(picture, bias, rows[i], matrix);
  }
  return result.view({pictures, height, width, outputs}).permute({0, 3, 1, 2});
}

}  // namespace

torch::Tensor MobilenetV2::apply(const Convolution& convolution, const torch::Tensor& x) const {
  if (convolution.weight.size(2) == 1) {
    auto y = pointwise(x, convolution.weight, convolution.bias);
    return convolution.clipped ? y.clamp_(0, 6) : y;
  }
  const bool pads_behind = convolution.stride == 2 && same_padding_;
  const std::int64_t padding = pads_behind ? 0 : convolution.weight.size(2) / 2;
  const auto input = pads_behind ? torch::constant_pad_nd(x, {0, 1, 0, 1}) : x;
  const torch::IntArrayRef stride(convolution.stride), around(padding);
  auto y =
      torch::conv2d(input, convolution.weight, convolution.bias, stride, around, /*dilation=*/1, convolution.groups);
  return convolution.clipped ? y.clamp_(0, 6) : y;
}

TowerOutput MobilenetV2::forward(const torch::Tensor& pixels) const {
  const torch::AutoGradMode gradients(pixels.requires_grad());
  torch::Tensor x = ((pixels.to(torch::kFloat32) - mean_) * scale_).contiguous(kLayout);
  for (const Block& block : blocks_) {
    torch::Tensor y = x;
    for (const Convolution& convolution : block.convolutions) y = apply(convolution, y);
    x = block.residual ? x + y : y;
  }
  const auto tokens = x.permute({0, 2, 3, 1}).flatten(1, 2).contiguous();  // [batch, 49, 1280]
  return {tokens, tokens.mean(1)};
}

}  // namespace warifu
