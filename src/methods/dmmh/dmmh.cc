#include "methods/dmmh/dmmh.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "methods/checkpoint.h"
#include "methods/dmmh/train.h"
#include "methods/hash_encoder.h"
#include "methods/network_encoder.h"
#include "methods/stored_network.h"
#include "methods/trained_tower.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

constexpr std::string_view kName = "dmmh";
constexpr std::string_view kNetwork = "network.";

class DmmhEncoder final : public NetworkEncoder {
 public:
  DmmhEncoder(const SpaceModel& model, StandardisedSource image, StandardisedSource text, DmmhNetwork network)
      : NetworkEncoder(model), image_(std::move(image)), text_(std::move(text)), network_(std::move(network)) {}

  bool bears_missing_half() const override { return true; }

 private:
  const FeatureSource& source(Modality half) const override {
    return *(half == Modality::kImage ? image_ : text_).features;
  }

  torch::Tensor values_of_features(Modality, const torch::Tensor& image, const torch::Tensor& text) const override {
    auto network = network_;
    return network->outputs(image_.standardised(image), text_.standardised(text));
  }

  Result<FloatMatrix> all_values(std::span<const EncoderInput> inputs, Modality modality) const override {
    const auto image = half(inputs, Modality::kImage, modality);
    if (!image) return std::unexpected(image.error());
    const auto text = half(inputs, Modality::kText, modality);
    if (!text) return std::unexpected(text.error());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!(*image)[i].defined() && !(*text)[i].defined())
        return fail(ErrorCode::kInvalidArgument, "input " + std::to_string(i) + " has neither a picture nor a text");
    const std::size_t bits = all_bits();
    FloatMatrix values(inputs.size(), bits);
    for_each_alone(inputs.size(), [&](std::size_t i) {
      auto network = network_;
      const auto row = network->outputs((*image)[i], (*text)[i]).contiguous();
      std::copy_n(row.data_ptr<float>(), bits, values.row(i).begin());
    });
    return values;
  }

  static bool has(const EncoderInput& input, Modality half) {
    if (half == Modality::kImage) return input.picture != nullptr || !input.image_features.empty();
    return input.text.has_value() || !input.text_features.empty();
  }

  // One half of each input as a row [1, width], undefined where it is not there or not looked at. Where `wanted` is
  // this half alone, it must be there.
  Result<std::vector<torch::Tensor>> half(std::span<const EncoderInput> inputs, Modality half, Modality wanted) const {
    std::vector<torch::Tensor> rows(inputs.size());
    if (wanted != half && wanted != Modality::kBoth) return rows;
    std::vector<EncoderInput> there;
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (wanted == half || has(inputs[i], half)) {
        there.push_back(inputs[i]);
        positions.push_back(i);
      }
    if (there.empty()) return rows;
    const auto features = (half == Modality::kImage ? image_ : text_).rows(there);
    if (!features) return std::unexpected(features.error());
    for (std::size_t i = 0; i < positions.size(); ++i)
      rows[positions[i]] = features->narrow(0, static_cast<std::int64_t>(i), 1);
    return rows;
  }

  StandardisedSource image_;
  StandardisedSource text_;
  DmmhNetwork network_;
};

// Those settings that say what the network is, as model.json has them.
Result<DmmhSettings> stored_settings(const SpaceModel& model) {
  constexpr std::string_view kNames[] = {"fusion", "mamba", "hidden", "tokens", "width", "layers"};
  DmmhSettings settings;
  if (auto read = read_stored_settings(model, settings.named(), kNames); !read) return std::unexpected(read.error());
  return settings;
}

// Before a network of the sizes that model.json states is allocated: the file must hold one of these sizes.
Result<void> check_sizes(const SafetensorsFile& file, const DmmhShape& shape, const DmmhSettings& settings) {
  const std::int64_t channels = settings.tokens * settings.width;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> wanted = {
      {"image_map.weight", {settings.hidden, shape.image_width}},
      {"text_map.weight", {settings.hidden, shape.text_width}},
      {"convolution.weight", {settings.tokens, settings.width, settings.width / 2}}};
  if (settings.is_concatenation()) {
    wanted.push_back({"joint.weight", {channels, 2 * settings.hidden}});
  } else {
    wanted.push_back({"image_dilation.weight", {channels, settings.hidden}});
    wanted.push_back({"text_dilation.weight", {channels, settings.hidden}});
  }
  // Of many layers each must be there before one is allocated.
  for (std::int64_t i = 0; settings.has_mamba() && i < settings.layers; ++i)
    for (const char* half : {"image", "text"})
      wanted.push_back(
          {std::string(half) + "_mamba" + std::to_string(i) + ".in_proj.weight", {4 * settings.width, settings.width}});
  for (const std::uint32_t bits : shape.bits)
    wanted.push_back({"head" + std::to_string(bits) + ".bias", {static_cast<std::int64_t>(bits)}});
  return check_tensor_sizes(file, kNetwork, wanted);
}

// The shortest length that is no more than `tolerance` worse than the best.
std::uint32_t shortest_within(const std::map<std::uint32_t, double>& curve, double tolerance) {
  double best = 0;
  for (const auto& [bits, map] : curve) best = std::max(best, map);
  return std::ranges::find_if(curve, [&](const auto& entry) { return entry.second >= best - tolerance; })->first;
}

// Only the head of this length stays.
void keep_length(NamedTensors& network, const std::vector<std::uint32_t>& bits, std::uint32_t kept) {
  for (const std::uint32_t length : bits)
    if (length != kept)
      for (const char* part : {".weight", ".bias"}) network.erase("head" + std::to_string(length) + part);
}

}  // namespace

Result<TrainReport> train_dmmh(const TrainingSet& set, const TrainOptions& options,
                               const std::filesystem::path& directory, ProgressSink& progress) {
  DmmhSettings settings;
  auto wanted = options.settings;
  if (options.epochs > 0) wanted.push_back("epochs=" + std::to_string(options.epochs));
  if (auto chosen = choose_settings(settings.named(), wanted); !chosen) return std::unexpected(chosen.error());
  auto result = fit_dmmh(set, options, settings, directory, progress);
  if (!result) return std::unexpected(result.error());
  TrainOptions kept = options;
  auto network = named_tensors(*result->model->network);
  if (options.bits_tolerance) {
    kept.bits = {shortest_within(result->report.validation_by_bits, *options.bits_tolerance)};
    keep_length(network, options.bits, kept.bits.front());
  }
  NamedTensors tensors;
  result->model->image->export_to(tensors, "image");
  result->model->text->export_to(tensors, "text");
  add_tensors(tensors, std::string(kNetwork), network);
  if (auto saved = save_tensors(directory / kWeightsFile, tensors); !saved) return std::unexpected(saved.error());
  auto model = describe_space(kName, set, kept, settings_as_text(settings.named()),
                              static_cast<std::size_t>(result->image_width),
                              static_cast<std::size_t>(result->text_width), directory);
  if (!model) return std::unexpected(model.error());
  model->settings["epochs_run"] = std::to_string(result->report.epochs_run);
  if (auto written = write_space_model(directory, *model); !written) return std::unexpected(written.error());
  remove_checkpoint(directory);
  result->report.bits = kept.bits;
  return result->report;
}

Result<std::unique_ptr<Encoder>> load_dmmh(const std::filesystem::path& directory, const SpaceModel& model) {
  const auto file = open_safetensors(directory / kWeightsFile);
  if (!file) return std::unexpected(file.error());
  const auto settings = stored_settings(model);
  if (!settings) return with_context((directory / kModelFile).string(), settings.error());
  const DmmhShape shape{.image_width = static_cast<std::int64_t>(model.image.width),
                        .text_width = static_cast<std::int64_t>(model.text.width),
                        .bits = model.bits};
  if (auto checked = check_sizes(**file, shape, *settings); !checked)
    return with_context((directory / kWeightsFile).string(), checked.error());
  auto image = load_standardised_source(**file, directory, model, Modality::kImage);
  if (!image) return std::unexpected(image.error());
  auto text = load_standardised_source(**file, directory, model, Modality::kText);
  if (!text) return std::unexpected(text.error());
  DmmhNetwork network(shape, *settings);
  if (auto loaded = load_module(**file, *network, kNetwork); !loaded) return std::unexpected(loaded.error());
  network->eval();
  return std::make_unique<DmmhEncoder>(model, std::move(*image), std::move(*text), std::move(network));
}

}  // namespace warifu
