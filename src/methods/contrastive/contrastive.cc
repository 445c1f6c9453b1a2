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
    settings.temperature = std::min(std::max(*start->temperature, settings.min_temperature), settings.max_temperature);
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
  const auto start = choose_start(set, options, settings, progress);
  if (!start) return std::unexpected(start.error());
  if (!(settings.min_temperature <= settings.temperature && settings.temperature <= settings.max_temperature))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("temperature {} is not in min_temperature {} … max_temperature {}", settings.temperature,
                            settings.min_temperature, settings.max_temperature),
                "choose all three with --set");
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
  auto model = describe_space(kName, set, options, settings_as_text(settings.named()),
                              static_cast<std::size_t>(result->image_width),
                              static_cast<std::size_t>(result->text_width), directory);
  if (!model) return std::unexpected(model.error());
  model->settings["epochs_run"] = std::to_string(result->report.epochs_run);
  if (*start) model->settings["start"] = (*start)->fingerprint;
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
