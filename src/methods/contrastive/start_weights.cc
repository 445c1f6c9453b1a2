#include "methods/contrastive/start_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "methods/checkpoint.h"
#include "methods/contrastive/settings.h"
#include "methods/space_model.h"
#include "nn/weight_interpolation.h"

namespace warifu {
namespace {

constexpr std::array<const char*, 2> kSides = {"image", "text"};

// Whether both are the same bytes, or both none.
Result<bool> same_file(const std::string& hash, const std::filesystem::path& path) {
  if (hash.empty() || path.empty()) return hash.empty() && path.empty();
  const auto found = file_hash(path);
  if (!found) return std::unexpected(found.error());
  return *found == hash;
}

// A weight of the start means something for the same features alone.
Result<void> check_features(const SpaceTower& start, const TrainingInputs& inputs, const std::string& side) {
  if (start.name != inputs.tower.name)
    return fail(ErrorCode::kInvalidArgument,
                side + " tower '" + inputs.tower.name + "'; the start was trained through '" + start.name + "'");
  const auto width = inputs.features.empty() ? static_cast<std::size_t>(kTrainedTowerWidth) : inputs.features.cols();
  if (width != start.width)
    return fail(ErrorCode::kInvalidArgument, std::to_string(width) + " " + side +
                                                 " features; the start was trained on " + std::to_string(start.width));
  const auto weights = same_file(start.weights_hash, inputs.tower.weights);
  if (!weights) return std::unexpected(weights.error());
  const auto vocabulary = same_file(start.vocabulary_hash, inputs.tower.vocabulary);
  if (!vocabulary) return std::unexpected(vocabulary.error());
  if (!*weights || !*vocabulary)
    return fail(ErrorCode::kInvalidArgument,
                std::string(*weights ? "vocabulary" : "weights file") + " of the " + side + " tower '" + start.name +
                    "' is not the one the start was trained with",
                "start with the tower of the space itself");
  return {};
}

// The float tensors of one branch. Those of a trained tower are compared with the model's by take_over.
Result<void> read_branch(const SafetensorsFile& file, const std::string& side, std::int64_t width,
                         StartWeights& start) {
  const auto outputs = std::reduce(start.bits.begin(), start.bits.end(), std::int64_t{0});
  const auto bias = file.tensors().find(side + ".layer0.bias");
  if (bias == file.tensors().end() || bias->second.shape.size() != 1 || bias->second.shape[0] < 1)
    return fail(ErrorCode::kIncompatible, side + ".layer0.bias is missing or not a vector");
  const std::int64_t hidden = bias->second.shape[0];
  if (hidden > kMaxHidden)
    return fail(ErrorCode::kIncompatible,
                "a hidden layer of " + std::to_string(hidden) + " units is wider than any here");
  if (start.hidden != 0 && hidden != start.hidden)
    return fail(ErrorCode::kIncompatible, "hidden layers of " + std::to_string(start.hidden) + " and " +
                                              std::to_string(hidden) + " units in one model");
  start.hidden = hidden;
  const std::array<std::pair<const char*, std::vector<std::int64_t>>, 6> layers = {
      {{".mean", {width}},
       {".scale", {width}},
       {".layer0.weight", {hidden, width}},
       {".layer0.bias", {hidden}},
       {".layer1.weight", {outputs, hidden}},
       {".layer1.bias", {outputs}}}};
  for (const auto& [name, shape] : layers) {
    auto weight = read_weight(file, side + name, shape);
    if (!weight) return std::unexpected(weight.error());
    start.tensors[side + name] = std::move(*weight);
  }
  for (const auto& [name, view] : file.tensors()) {
    if (!name.starts_with(side + ".tower.")) continue;
    auto weight = read_weight(file, name, view.shape);
    if (!weight) return std::unexpected(weight.error());
    start.tensors[name] = std::move(*weight);
  }
  return {};
}

Result<std::optional<double>> read_number(const SafetensorsFile& file, const std::string& name) {
  if (!file.tensors().contains(name)) return std::nullopt;
  const auto number = read_weight(file, name, {1});
  if (!number) return std::unexpected(number.error());
  return number->item<double>();
}

// Both branches with the head cut by code lengths: IMAGE.layer1.weight.16, … Views.
NamedTensors by_length(const NamedTensors& tensors, const std::vector<std::uint32_t>& bits) {
  NamedTensors parts = tensors;
  for (const std::string side : kSides) {
    for (const char* part : {".layer1.weight", ".layer1.bias"}) {
      const auto whole = tensors.at(side + part);
      parts.erase(side + part);
      std::int64_t begin = 0;
      for (const std::uint32_t length : bits) {
        parts[side + part + "." + std::to_string(length)] = whole.narrow(0, begin, length);
        begin += length;
      }
    }
  }
  return parts;
}

bool is_statistic(std::string_view name) {
  return std::ranges::any_of(kSides,
                             [&](const std::string side) { return name == side + ".mean" || name == side + ".scale"; });
}

}  // namespace

Result<StartWeights> read_start_weights(const std::filesystem::path& directory, const TrainingSet& set) {
  const auto model = read_space_model(directory);
  if (!model) return std::unexpected(model.error());
  if (model->method != "contrastive")
    return fail(ErrorCode::kInvalidArgument,
                directory.string() + ": trained by method " + model->method + ", not by contrastive",
                "start from a space of the same method");
  for (const auto& [side, tower, inputs] :
       {std::tuple("image", &model->image, &set.image), std::tuple("text", &model->text, &set.text)})
    if (auto checked = check_features(*tower, *inputs, side); !checked)
      return with_context(directory.string(), checked.error());
  const auto path = directory / kWeightsFile;
  const auto file = open_safetensors(path);
  if (!file) return std::unexpected(file.error());
  StartWeights start{.bits = model->bits, .fingerprint = model->fingerprint};
  for (const auto& [side, tower] : {std::pair("image", &model->image), std::pair("text", &model->text)})
    if (auto read = read_branch(**file, side, static_cast<std::int64_t>(tower->width), start); !read)
      return with_context(path.string(), read.error());
  const auto log_temperature = read_number(**file, "log_temperature");
  if (!log_temperature) return with_context(path.string(), log_temperature.error());
  if (*log_temperature) start.temperature = std::exp(**log_temperature);
  const auto bias = read_number(**file, "bias");
  if (!bias) return with_context(path.string(), bias.error());
  start.bias = *bias;
  return start;
}

Result<StartingPoint> StartingPoint::take_over(ContrastiveModelImpl& model, const StartWeights& start,
                                               const std::vector<std::uint32_t>& bits) {
  NamedTensors all;
  model.image->export_to(all, "image");
  model.text->export_to(all, "text");
  const NamedTensors wanted = by_length(all, bits);
  const NamedTensors given = by_length(start.tensors, start.bits);
  StartingPoint point;
  for (const auto& [name, weight] : wanted) {
    const auto found = given.find(name);
    if (found == given.end() && name.find(".layer1.") != std::string::npos) continue;  // a length of its own
    if (found == given.end() || found->second.sizes() != weight.sizes())
      return fail(ErrorCode::kIncompatible, "tensor '" + name + "' of the start is missing or of another shape",
                  "restore the space's directory, or train it again");
    point.here_[name] = weight.detach();
    point.start_[name] = found->second.clone();
  }
  const torch::NoGradGuard no_grad;
  for (auto& [name, weight] : point.here_) weight.copy_(point.start_.at(name));
  for (const auto& [side, branch] : {std::pair("image", &model.image), std::pair("text", &model.text)})
    (*branch)->input->set_standardisation(start.tensors.at(std::string(side) + ".mean"),
                                          start.tensors.at(std::string(side) + ".scale"));
  for (const auto& [name, weight] : point.here_) {
    if (is_statistic(name)) continue;
    point.pulled_.push_back(weight);
    point.pulled_to_.push_back(point.start_.at(name));
  }
  return point;
}

void StartingPoint::pull_back(double share) { decay_toward_start(pulled_, pulled_to_, std::min(share, 1.0), 1.0); }

void StartingPoint::interpolate(double share) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, mixed] : interpolate_weights(start_, here_, share)) here_.at(name).copy_(mixed);
}

}  // namespace warifu
