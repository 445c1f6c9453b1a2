#include "methods/prompthash/prompthash.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "methods/checkpoint.h"
#include "methods/feature_source.h"
#include "methods/hash_encoder.h"
#include "methods/network_encoder.h"
#include "methods/prompthash/train.h"
#include "methods/stored_network.h"
#include "methods/trained_tower.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

constexpr std::string_view kName = "prompthash";
constexpr std::string_view kNetwork = "network.";
constexpr const char* kLabels = "labels";  // in the metadata of the weights: names of the concepts, a JSON array

std::string_view caveat_of(const PromptHashSettings& settings) {
  return settings.is_paper() ? kPairedInput : settings.is_oracle() ? kLabelsInQuery : "";
}

class PromptHashEncoder final : public NetworkEncoder {
 public:
  PromptHashEncoder(const SpaceModel& model, const PromptHashSettings& settings, std::vector<std::string> labels,
                    StandardisedSource image, StandardisedSource text, PromptHashNetwork network)
      : NetworkEncoder(model),
        settings_(settings),
        image_(std::move(image)),
        text_(std::move(text)),
        network_(std::move(network)),
        concepts_(static_cast<std::int64_t>(labels.size())) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      concept_of_.emplace(std::move(labels[i]), static_cast<std::int64_t>(i));
  }

  std::string_view caveat() const override { return caveat_of(settings_); }

 private:
  const FeatureSource& source(Modality half) const override {
    return *(half == Modality::kImage ? image_ : text_).features;
  }

  torch::Tensor values_of_features(Modality modality, const torch::Tensor& image,
                                   const torch::Tensor& text) const override {
    auto network = network_;
    return network->outputs(modality, image_.standardised(image), text_.standardised(text), /*labels=*/{});
  }

  Result<FloatMatrix> all_values(std::span<const EncoderInput> inputs, Modality modality) const override {
    torch::Tensor image;
    torch::Tensor text;
    if (settings_.is_paper() || modality != Modality::kText) {
      auto features = image_.rows(inputs);
      if (!features) return std::unexpected(features.error());
      image = std::move(*features);
    }
    if (settings_.is_paper() || modality != Modality::kImage) {
      auto features = text_.rows(inputs);
      if (!features) return std::unexpected(features.error());
      text = std::move(*features);
    }
    return outputs(inputs, modality, image, text);
  }

  torch::Tensor labels_of(std::span<const EncoderInput> inputs) const {
    if (!settings_.is_oracle()) return {};
    auto labels = torch::zeros({static_cast<std::int64_t>(inputs.size()), concepts_});
    for (std::size_t i = 0; i < inputs.size(); ++i)
      for (const std::string& name : inputs[i].labels)
        if (const auto found = concept_of_.find(name); found != concept_of_.end())
          labels[static_cast<std::int64_t>(i)][found->second] = 1;
    return labels;
  }

  // The rows of one modality together with what the mode reads besides.
  FloatMatrix outputs(std::span<const EncoderInput> inputs, Modality modality, const torch::Tensor& image,
                      const torch::Tensor& text) const {
    const std::size_t bits = all_bits();
    FloatMatrix values(inputs.size(), bits);
    // One row at a time, which then has no neighbours; in mode paper batches of nearly one size, as it was taught with.
    const std::size_t size = settings_.is_paper() ? static_cast<std::size_t>(settings_.batch) : 1;
    const std::size_t batches = (inputs.size() + size - 1) / size;
    for_each_alone(batches, [&](std::size_t batch) {
      const std::size_t begin = batch * inputs.size() / batches;
      const std::size_t count = (batch + 1) * inputs.size() / batches - begin;
      const auto rows = [&](const torch::Tensor& all) {
        return all.defined() ? all.narrow(0, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(count)) : all;
      };
      auto network = network_;
      const auto part =
          network->outputs(modality, rows(image), rows(text), labels_of(inputs.subspan(begin, count))).contiguous();
      std::copy_n(part.data_ptr<float>(), count * bits, values.row(begin).begin());
    });
    return values;
  }

  PromptHashSettings settings_;
  StandardisedSource image_;
  StandardisedSource text_;
  PromptHashNetwork network_;
  std::int64_t concepts_;
  std::map<std::string, std::int64_t, std::less<>> concept_of_;
};

// Those settings that say what the network is, as model.json has them.
Result<PromptHashSettings> stored_settings(const SpaceModel& model) {
  constexpr std::string_view kNames[] = {"mode",  "prompts", "fusion",         "ssm",  "tokens",
                                         "width", "heads",   "auxiliary_bits", "batch"};
  PromptHashSettings settings;
  if (auto read = read_stored_settings(model, settings.named(), kNames); !read) return std::unexpected(read.error());
  if (settings.width % settings.heads != 0)
    return fail(ErrorCode::kBadFormat, "width and heads do not fit each other", kRestoreOrTrainAgain);
  if (model.caveat != caveat_of(settings))
    return fail(ErrorCode::kBadFormat, "the caveat is not that of mode " + settings.mode, kRestoreOrTrainAgain);
  return settings;
}

// Before a network of the sizes that model.json states is allocated: the file must hold one of these sizes.
Result<void> check_sizes(const SafetensorsFile& file, const PromptHashShape& shape,
                         const PromptHashSettings& settings) {
  const std::int64_t pooled = settings.tokens * settings.width;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> wanted = {
      {"image_tokens.weight", {pooled, shape.image_width}},
      {"text_tokens.weight", {pooled, shape.text_width}},
      {"mlp.blocks.0.expand.weight", {pooled, pooled}},
      {"head.linear.weight", {shape.all_bits(), pooled}}};
  if (settings.has_prompts()) {
    wanted.push_back({"image_affinity.weight", {shape.concepts, pooled}});
    wanted.push_back({"text_affinity.weight", {shape.concepts, pooled}});
  }
  // Everything else is smaller than one of these, but for the parts of mode paper: within ten times this one.
  if (settings.is_paper()) wanted.push_back({"batch_fusion.transformer.attn.in_proj_weight", {6 * pooled, 2 * pooled}});
  return check_tensor_sizes(file, kNetwork, wanted);
}

Result<std::vector<std::string>> stored_labels(const SafetensorsFile& file) {
  const auto found = file.metadata().find(kLabels);
  const auto json = nlohmann::json::parse(found == file.metadata().end() ? "" : found->second, nullptr,
                                          /*allow_exceptions=*/false);
  const auto is_text = [](const nlohmann::json& value) { return value.is_string(); };
  if (!json.is_array() || !std::ranges::all_of(json, is_text))
    return fail(ErrorCode::kBadFormat, "metadata 'labels' is missing or no list of names", "train the space again");
  return json.get<std::vector<std::string>>();
}

std::string labels_text(const TrainingSet& set) {
  nlohmann::json names = nlohmann::json::array();
  for (std::size_t i = 0; i < set.label_values; ++i)
    names.push_back(i < set.label_names.size() ? set.label_names[i] : std::to_string(i));
  return names.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<TrainReport> train_prompthash(const TrainingSet& set, const TrainOptions& options,
                                     const std::filesystem::path& directory, ProgressSink& progress) {
  PromptHashSettings settings;
  auto wanted = options.settings;
  if (options.epochs > 0) wanted.push_back("epochs=" + std::to_string(options.epochs));
  if (auto chosen = choose_settings(settings.named(), wanted); !chosen) return std::unexpected(chosen.error());
  if (const auto caveat = caveat_of(settings); !caveat.empty())
    progress.note("mode=" + settings.mode + " makes codes with " + std::string(caveat) +
                  ": for comparison, not for search");
  auto result = fit_prompthash(set, options, settings, directory, progress);
  if (!result) return std::unexpected(result.error());
  NamedTensors tensors;
  result->model->image->export_to(tensors, "image");
  result->model->text->export_to(tensors, "text");
  add_tensors(tensors, std::string(kNetwork), named_tensors(*result->model->network));
  if (auto saved = save_tensors(directory / kWeightsFile, tensors, {{kLabels, labels_text(set)}}); !saved)
    return std::unexpected(saved.error());
  auto model = describe_space(kName, set, options, settings_as_text(settings.named()),
                              static_cast<std::size_t>(result->image_width),
                              static_cast<std::size_t>(result->text_width), directory);
  if (!model) return std::unexpected(model.error());
  model->settings["epochs_run"] = std::to_string(result->report.epochs_run);
  model->caveat = caveat_of(settings);
  if (auto written = write_space_model(directory, *model); !written) return std::unexpected(written.error());
  remove_checkpoint(directory);
  result->report.caveat = model->caveat;
  return result->report;
}

Result<std::unique_ptr<Encoder>> load_prompthash(const std::filesystem::path& directory, const SpaceModel& model) {
  const auto file = open_safetensors(directory / kWeightsFile);
  if (!file) return std::unexpected(file.error());
  const auto settings = stored_settings(model);
  if (!settings) return with_context((directory / kModelFile).string(), settings.error());
  auto labels = stored_labels(**file);
  if (!labels) return with_context((directory / kWeightsFile).string(), labels.error());
  PromptHashShape shape{.image_width = static_cast<std::int64_t>(model.image.width),
                        .text_width = static_cast<std::int64_t>(model.text.width),
                        .concepts = static_cast<std::int64_t>(labels->size()),
                        .bits = model.bits};
  shape.bits.push_back(static_cast<std::uint32_t>(settings->auxiliary_bits));
  if (auto checked = check_sizes(**file, shape, *settings); !checked)
    return with_context((directory / kWeightsFile).string(), checked.error());
  auto image = load_standardised_source(**file, directory, model, Modality::kImage);
  if (!image) return std::unexpected(image.error());
  auto text = load_standardised_source(**file, directory, model, Modality::kText);
  if (!text) return std::unexpected(text.error());
  PromptHashNetwork network(shape, *settings);
  if (auto loaded = load_module(**file, *network, kNetwork); !loaded) return std::unexpected(loaded.error());
  network->eval();
  return std::make_unique<PromptHashEncoder>(model, *settings, std::move(*labels), std::move(*image), std::move(*text),
                                             std::move(network));
}

}  // namespace warifu
