#include "methods/contrastive/contrastive.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "methods/checkpoint.h"
#include "methods/contrastive/train.h"
#include "methods/hash_encoder.h"

namespace warifu {
namespace {

constexpr std::string_view kName = "contrastive";

Result<SpaceModel> describe(const TrainingSet& set, const TrainOptions& options, ContrastiveSettings settings,
                            const ContrastiveResult& result, const std::filesystem::path& directory) {
  SpaceModel model;
  model.method = kName;
  model.space = options.space;
  model.bits = options.bits;
  model.settings = settings_as_text(settings.named());
  model.settings["seed"] = std::to_string(options.seed);
  model.settings["epochs_run"] = std::to_string(result.report.epochs_run);
  auto image = adopt_tower(set.image.tower, "image", static_cast<std::size_t>(result.image.width), directory);
  if (!image) return std::unexpected(image.error());
  auto text = adopt_tower(set.text.tower, "text", static_cast<std::size_t>(result.text.width), directory);
  if (!text) return std::unexpected(text.error());
  model.image = *image;
  model.text = *text;
  return model;
}

}  // namespace

Result<TrainReport> train_contrastive(const TrainingSet& set, const TrainOptions& options,
                                      const std::filesystem::path& directory, ProgressSink& progress) {
  ContrastiveSettings settings;
  if (auto chosen = choose_settings(settings.named(), options.settings); !chosen)
    return std::unexpected(chosen.error());
  if (!(settings.min_temperature <= settings.temperature && settings.temperature <= settings.max_temperature))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("temperature {} is not in min_temperature {} … max_temperature {}", settings.temperature,
                            settings.min_temperature, settings.max_temperature),
                "choose all three with --set");
  if (options.epochs > 0) settings.epochs = options.epochs;
  if (set.label_values > 0) progress.note("contrastive learns from the pairs alone: the labels are not looked at");
  auto result = fit_contrastive(set, options, settings, directory, progress);
  if (!result) return std::unexpected(result.error());
  NamedTensors tensors;
  result->model->image->export_to(tensors, "image");
  result->model->text->export_to(tensors, "text");
  if (auto saved = save_tensors(directory / kWeightsFile, tensors); !saved) return std::unexpected(saved.error());
  auto model = describe(set, options, settings, *result, directory);
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
