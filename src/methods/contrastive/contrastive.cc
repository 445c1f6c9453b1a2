#include "methods/contrastive/contrastive.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "methods/checkpoint.h"
#include "methods/contrastive/start_weights.h"
#include "methods/contrastive/train.h"
#include "methods/hash_encoder.h"

namespace warifu {
namespace {

constexpr std::string_view kName = "contrastive";

Result<SpaceModel> describe(const TrainingSet& set, const TrainOptions& options, ContrastiveSettings settings,
                            const ContrastiveResult& result, const std::optional<StartWeights>& start,
                            const std::filesystem::path& directory) {
  SpaceModel model;
  model.method = kName;
  model.space = options.space;
  model.bits = options.bits;
  model.settings = settings_as_text(settings.named());
  model.settings["seed"] = std::to_string(options.seed);
  if (start) model.settings["start"] = start->fingerprint;
  model.settings["epochs_run"] = std::to_string(result.report.epochs_run);
  auto image = adopt_tower(set.image.tower, "image", static_cast<std::size_t>(result.image.width), directory);
  if (!image) return std::unexpected(image.error());
  auto text = adopt_tower(set.text.tower, "text", static_cast<std::size_t>(result.text.width), directory);
  if (!text) return std::unexpected(text.error());
  model.image = *image;
  model.text = *text;
  return model;
}

// The weights to start from, nothing where there is no start, and in `settings` what they decide.
Result<std::optional<StartWeights>> choose_start(const TrainingSet& set, const TrainOptions& options,
                                                 ContrastiveSettings& settings, ProgressSink& progress) {
  const ContrastiveSettings shipped;
  if (options.start_from.empty()) {
    if (settings.start_decay != shipped.start_decay || settings.head_epochs != shipped.head_epochs ||
        settings.tune_rate != shipped.tune_rate || settings.interpolation != shipped.interpolation)
      progress.note(
          "start_decay, head_epochs, tune_rate and interpolation change nothing without a trained space to start from");
    return std::nullopt;
  }
  auto start = read_start_weights(options.start_from, set);
  if (!start) return std::unexpected(start.error());
  if (chooses(options.settings, "hidden") && settings.hidden != start->hidden)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("hidden={}; the start has a hidden layer of {}", settings.hidden, start->hidden),
                "leave it out: the layer is taken over");
  settings.hidden = start->hidden;
  if (start->temperature && !chooses(options.settings, "temperature")) {
    settings.temperature = std::clamp(*start->temperature, settings.min_temperature, settings.max_temperature);
    if (settings.temperature != *start->temperature)
      progress.note(
          fmt::format("the start's temperature {:.3g} becomes {:.3g}: choose min_temperature and max_temperature "
                      "with --set to keep it",
                      *start->temperature, settings.temperature));
  }
  if (settings.head_epochs >= settings.patience && settings.head_epochs < settings.epochs)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("head_epochs {} and patience {}: the run could end before more than the heads have learnt",
                            settings.head_epochs, settings.patience),
                "choose a greater patience with --set");
  for (const std::uint32_t length : options.bits)
    if (!std::ranges::binary_search(start->bits, length))
      progress.note(fmt::format("the start has no codes of {} bits: they are learnt from nothing", length));
  return std::move(*start);
}

}  // namespace

Result<TrainReport> train_contrastive(const TrainingSet& set, const TrainOptions& options,
                                      const std::filesystem::path& directory, ProgressSink& progress) {
  ContrastiveSettings settings;
  if (auto chosen = choose_settings(settings.named(), options.settings); !chosen)
    return std::unexpected(chosen.error());
  if (options.epochs > 0) settings.epochs = options.epochs;
  const auto check_temperatures = [&]() -> Result<void> {
    if (settings.min_temperature <= settings.temperature && settings.temperature <= settings.max_temperature) return {};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("temperature {} is not in min_temperature {} … max_temperature {}", settings.temperature,
                            settings.min_temperature, settings.max_temperature),
                "choose all three with --set");
  };
  if (options.start_from.empty() || settings.min_temperature > settings.max_temperature)
    if (auto checked = check_temperatures(); !checked) return std::unexpected(checked.error());
  const auto start = choose_start(set, options, settings, progress);
  if (!start) return std::unexpected(start.error());
  if (auto checked = check_temperatures(); !checked) return std::unexpected(checked.error());
  if (set.label_values > 0 && settings.label_schedule == "none")
    progress.note("contrastive learns from the pairs alone: the labels are not looked at");
  auto result = fit_contrastive(set, options, settings, directory, progress, *start);
  if (!result) return std::unexpected(result.error());
  NamedTensors tensors;
  result->model->image->export_to(tensors, "image");
  result->model->text->export_to(tensors, "text");
  // No code depends on these; a run that starts from here goes on with them.
  tensors["log_temperature"] = result->model->log_temperature.detach();
  if (settings.loss == "siglip") tensors["bias"] = result->model->bias.detach();
  if (auto saved = save_tensors(directory / kWeightsFile, tensors); !saved) return std::unexpected(saved.error());
  auto model = describe(set, options, settings, *result, *start, directory);
  if (!model) return std::unexpected(model.error());
  if (auto written = write_space_model(directory, *model); !written) return std::unexpected(written.error());
  remove_checkpoint(directory);
  return result->report;
}

Result<std::unique_ptr<Encoder>> load_contrastive(const std::filesystem::path& directory, const SpaceModel& model) {
  const auto file = open_safetensors(directory / kWeightsFile);
  if (!file) return std::unexpected(file.error());
  auto image = load_hash_branch(**file, directory, model, Modality::kImage, kFeatureLimit);
  if (!image) return std::unexpected(image.error());
  auto text = load_hash_branch(**file, directory, model, Modality::kText, kFeatureLimit);
  if (!text) return std::unexpected(text.error());
  return make_hash_encoder(model, std::move(*image), std::move(*text), /*relaxed_by_tanh=*/true);
}

}  // namespace warifu
