#include "methods/ccl/ccl.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "methods/ccl/train.h"
#include "methods/checkpoint.h"
#include "methods/feature_source.h"
#include "methods/hash_encoder.h"
#include "methods/network_encoder.h"
#include "methods/stored_network.h"
#include "methods/trained_tower.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

constexpr std::string_view kName = "ccl";
constexpr std::string_view kNetwork = "network.";
constexpr const char* kClasses = "classes";  // in the settings of model.json: 0 of a space learnt without labels
constexpr std::int64_t kMaxClasses = 4096;

// Rows of one modality, as they come, and how they become grains.
struct Source : StandardisedSource {
  std::int64_t parts = 0;
  double power = 1;

  Grains grains(const torch::Tensor& rows) const { return split_grains(rows, parts, power, *stage); }
};

class CclEncoder final : public NetworkEncoder {
 public:
  CclEncoder(const SpaceModel& model, Source image, Source text, CclNetwork network)
      : NetworkEncoder(model), image_(std::move(image)), text_(std::move(text)), network_(std::move(network)) {}

  std::size_t embedding_width() const override { return static_cast<std::size_t>(network_->embedding_width()); }

  Result<FloatMatrix> embed(std::span<const EncoderInput> inputs, Modality modality) const override {
    return rows_of(inputs, modality, embedding_width(), [&](const torch::Tensor& image, const torch::Tensor& text) {
      if (modality == Modality::kBoth) return network_->embedding(modality, common_of_both(image, text));
      return network_->embedding(modality, image.defined() ? image : text);
    });
  }

  Result<FloatMatrix> align(const EncoderInput& input) const override {
    if (image_.parts == 0 || text_.parts == 0)
      return fail(ErrorCode::kInvalidArgument, "the space was trained without parts of both pictures and texts",
                  "train ccl with frozen encoders of pictures and texts, and without patches=no and phrases=no");
    const auto image = image_.features->features({&input, 1});
    if (!image) return std::unexpected(image.error());
    const auto text = text_.features->features({&input, 1});
    if (!text) return std::unexpected(text.error());
    FloatMatrix result;
    for_each_alone(1, [&](std::size_t) {
      const auto patches = places(image_, Modality::kImage, *image);
      const auto phrases = places(text_, Modality::kText, *text);
      result = to_float_matrix(patches.mm(phrases.t()).clamp(-1, 1));
    });
    return result;
  }

 private:
  const FeatureSource& source(Modality half) const override {
    return *(half == Modality::kImage ? image_ : text_).features;
  }

  // Of all lengths, of what lies in the common layer; undefined where that half is not looked at.
  torch::Tensor heads(const torch::Tensor& image, const torch::Tensor& text) const {
    auto network = network_;
    if (image.defined() && text.defined())
      return torch::tanh(network->heads(image)) + torch::tanh(network->heads(text));
    return network->heads(image.defined() ? image : text);
  }

  torch::Tensor values_of_features(Modality, const torch::Tensor& image, const torch::Tensor& text) const override {
    const auto layer = [&](const Source& from, Modality half, const torch::Tensor& row) {
      return row.defined() ? network_->pathway(half)->forward(from.grains(row)).common : row;
    };
    return heads(layer(image_, Modality::kImage, image), layer(text_, Modality::kText, text));
  }

  Result<FloatMatrix> all_values(std::span<const EncoderInput> inputs, Modality modality) const override {
    return rows_of(inputs, modality, all_bits(),
                   [&](const torch::Tensor& image, const torch::Tensor& text) { return heads(image, text); });
  }

  // Rows computed one at a time, which then have no neighbours.
  Result<FloatMatrix> rows_of(
      std::span<const EncoderInput> inputs, Modality modality, std::size_t width,
      const std::function<torch::Tensor(const torch::Tensor& image, const torch::Tensor& text)>& row_of) const {
    FloatMatrix image, text;
    if (modality != Modality::kText) {
      auto rows = image_.features->features(inputs);
      if (!rows) return rows;
      image = std::move(*rows);
    }
    if (modality != Modality::kImage) {
      auto rows = text_.features->features(inputs);
      if (!rows) return rows;
      text = std::move(*rows);
    }
    FloatMatrix values(inputs.size(), width);
    for_each_alone(inputs.size(), [&](std::size_t i) {
      const auto row =
          row_of(common(image_, Modality::kImage, image, i), common(text_, Modality::kText, text, i)).contiguous();
      std::copy_n(row.data_ptr<float>(), width, values.row(i).begin());
    });
    return values;
  }

  // Of row `i` in the common layer; undefined where that modality is not looked at.
  torch::Tensor common(const Source& source, Modality modality, const FloatMatrix& rows, std::size_t i) const {
    if (rows.empty()) return {};
    const auto row = rows.row(i);
    const auto tensor = torch::tensor(at::ArrayRef<float>(row.data(), row.size())).unsqueeze(0);
    return network_->pathway(modality)->forward(source.grains(tensor)).common;
  }

  // Where the parts of one row lie in the common space; zeros where there is none.
  torch::Tensor places(const Source& source, Modality modality, const FloatMatrix& row) const {
    const Grains grains = source.grains(to_tensor(row));
    const auto common = network_->pathway(modality)->parts_alone(grains);
    return network_->embedding(modality, common) * grains.present.reshape({-1, 1});
  }

  Source image_;
  Source text_;
  CclNetwork network_;
};

Result<Source> load_source(const SafetensorsFile& file, const std::filesystem::path& directory, const SpaceModel& model,
                           Modality modality, double power) {
  const SpaceTower& tower = modality == Modality::kImage ? model.image : model.text;
  auto loaded = load_standardised_source(file, directory, model, modality);
  if (!loaded) return std::unexpected(loaded.error());
  Source source;
  static_cast<StandardisedSource&>(source) = std::move(*loaded);
  source.parts = tower.parts;
  if (tower.name != "small") source.power = power;
  return source;
}

// What the network was made with, as model.json has it.
struct Stored {
  CclSettings settings;
  CclShape shape;
};

Result<Stored> stored_network(const SpaceModel& model) {
  Stored stored;
  auto named = stored.settings.named();
  named.push_back({kClasses, &stored.shape.classes, 0, static_cast<double>(kMaxClasses)});
  constexpr std::string_view kNames[] = {"width", "pooling", "power", "class_scale", "sharpness", kClasses};
  if (auto read = read_stored_settings(model, named, kNames); !read) return std::unexpected(read.error());
  const auto whole = [](const SpaceTower& tower) {
    return static_cast<std::int64_t>(tower.width / static_cast<std::size_t>(1 + tower.parts));
  };
  stored.shape.image_width = whole(model.image);
  stored.shape.text_width = whole(model.text);
  stored.shape.image_parts = model.image.parts;
  stored.shape.text_parts = model.text.parts;
  stored.shape.bits = model.bits;
  return stored;
}

// Before a network of the sizes that model.json states is allocated: the file must hold one of these sizes.
Result<void> check_sizes(const SafetensorsFile& file, const Stored& stored) {
  const CclShape& shape = stored.shape;
  const std::int64_t width = stored.settings.width;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> wanted = {
      {"image.whole.weight", {width, shape.image_width}},
      {"text.whole.weight", {width, shape.text_width}},
      {"image.common.weight", {width, shape.image_parts > 0 ? 2 * width : width}},
      {"text.common.weight", {width, shape.text_parts > 0 ? 2 * width : width}},
      {"head.linear.weight", {shape.all_bits(), width}}};
  if (shape.classes > 0) wanted.push_back({"classes", {shape.classes, width}});
  return check_tensor_sizes(file, kNetwork, wanted);
}

Result<CclSettings> chosen_settings(std::span<const std::string> wanted) {
  CclSettings settings;
  if (auto chosen = choose_settings(settings.named(), wanted); !chosen) return std::unexpected(chosen.error());
  return settings;
}

}  // namespace

Result<int> ccl_parts(Modality modality, std::span<const std::string> wanted) {
  const auto settings = chosen_settings(wanted);
  if (!settings) return std::unexpected(settings.error());
  if (modality == Modality::kImage)
    return settings->has_patches() ? static_cast<int>(settings->grid * settings->grid) : 0;
  return settings->has_phrases() ? static_cast<int>(settings->phrase_count) : 0;
}

Result<TrainReport> train_ccl(const TrainingSet& set, const TrainOptions& options,
                              const std::filesystem::path& directory, ProgressSink& progress) {
  auto wanted = options.settings;
  if (options.epochs > 0) wanted.push_back("epochs=" + std::to_string(options.epochs));
  auto settings = chosen_settings(wanted);
  if (!settings) return std::unexpected(settings.error());
  auto result = fit_ccl(set, options, *settings, directory, progress);
  if (!result) return std::unexpected(result.error());
  NamedTensors tensors;
  result->model->image->export_to(tensors, "image");
  result->model->text->export_to(tensors, "text");
  add_tensors(tensors, std::string(kNetwork), named_tensors(*result->model->network));
  if (auto saved = save_tensors(directory / kWeightsFile, tensors); !saved) return std::unexpected(saved.error());
  auto model = describe_space(kName, set, options, settings_as_text(settings->named()),
                              static_cast<std::size_t>(result->image_row), static_cast<std::size_t>(result->text_row),
                              directory);
  if (!model) return std::unexpected(model.error());
  model->settings["epochs_run"] = std::to_string(result->report.epochs_run);
  model->settings[kClasses] = std::to_string(result->shape.classes);
  if (auto written = write_space_model(directory, *model); !written) return std::unexpected(written.error());
  remove_checkpoint(directory);
  return result->report;
}

Result<std::unique_ptr<Encoder>> load_ccl(const std::filesystem::path& directory, const SpaceModel& model) {
  const auto file = open_safetensors(directory / kWeightsFile);
  if (!file) return std::unexpected(file.error());
  const auto stored = stored_network(model);
  if (!stored) return with_context((directory / kModelFile).string(), stored.error());
  if (auto checked = check_sizes(**file, *stored); !checked)
    return with_context((directory / kWeightsFile).string(), checked.error());
  auto image = load_source(**file, directory, model, Modality::kImage, stored->settings.power);
  if (!image) return std::unexpected(image.error());
  auto text = load_source(**file, directory, model, Modality::kText, stored->settings.power);
  if (!text) return std::unexpected(text.error());
  CclNetwork network(stored->shape, stored->settings);
  if (auto loaded = load_module(**file, *network, kNetwork); !loaded) return std::unexpected(loaded.error());
  network->eval();
  return std::make_unique<CclEncoder>(model, std::move(*image), std::move(*text), std::move(network));
}

}  // namespace warifu
