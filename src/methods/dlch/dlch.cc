#include "methods/dlch/dlch.h"

#include <string>
#include <utility>

#include "methods/checkpoint.h"
#include "methods/dlch/sums_file.h"
#include "methods/dlch/train.h"
#include "methods/hash_encoder.h"

namespace warifu {

Result<TrainReport> train_dlch(const TrainingSet& set, const TrainOptions& options,
                               const std::filesystem::path& directory, ProgressSink& progress) {
  DlchSettings settings;
  auto wanted = options.settings;
  if (options.epochs > 0) wanted.push_back("epochs=" + std::to_string(options.epochs));
  if (auto chosen = choose_settings(settings.named(), wanted); !chosen) return std::unexpected(chosen.error());
  auto result = fit_dlch(set, options, settings, directory, progress);
  if (!result) return std::unexpected(result.error());
  NamedTensors tensors;
  result->model->image->export_to(tensors, "image", result->image);
  result->model->text->export_to(tensors, "text", result->text);
  if (auto saved = save_tensors(directory / kWeightsFile, tensors); !saved) return std::unexpected(saved.error());
  auto model = describe_space("dlch", set, options, settings_as_text(settings.named()), set.image.features.cols(),
                              set.text.features.cols(), directory);
  if (!model) return std::unexpected(model.error());
  model->settings["epochs_run"] = std::to_string(result->report.epochs_run);
  for (std::size_t i = 0; i < set.label_values; ++i)
    model->labels.push_back(i < set.label_names.size() ? set.label_names[i] : "label=" + std::to_string(i));
  SpaceSums sums = no_sums(options.bits, static_cast<std::int64_t>(set.label_values));
  add_items(sums, options.bits, result->image_outputs, result->text_outputs, result->labels);
  if (auto saved = save_sums(directory, *model, sums); !saved) return std::unexpected(saved.error());
  if (auto written = write_space_model(directory, *model); !written) return std::unexpected(written.error());
  remove_checkpoint(directory);
  return result->report;
}

Result<std::unique_ptr<Encoder>> load_dlch(const std::filesystem::path& directory, const SpaceModel& model) {
  const auto file = open_safetensors(directory / model.weights_file());
  if (!file) return std::unexpected(file.error());
  auto image = load_hash_branch(**file, directory, model, Modality::kImage, kFeatureLimit);
  if (!image) return std::unexpected(image.error());
  auto text = load_hash_branch(**file, directory, model, Modality::kText, kFeatureLimit);
  if (!text) return std::unexpected(text.error());
  return make_hash_encoder(model, std::move(*image), std::move(*text), /*relaxed_by_tanh=*/true);
}

}  // namespace warifu
