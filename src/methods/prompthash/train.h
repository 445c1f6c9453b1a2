#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/progress.h"
#include "methods/input_stage.h"
#include "methods/method.h"
#include "methods/prompthash/model.h"
#include "methods/prompthash/settings.h"

namespace warifu {

// The network, where its features come from, and what only training needs.
class PromptHashModelImpl : public torch::nn::Module {
 public:
  PromptHashModelImpl(const InputSpec& image_spec, const InputSpec& text_spec, const PromptHashShape& shape,
                      const PromptHashSettings& settings);

  // Codes of one length, [rows, bits], to those of the auxiliary length.
  torch::Tensor decode(std::size_t length, const torch::Tensor& relaxed);

  InputStage image = nullptr, text = nullptr;
  PromptHashNetwork network = nullptr;

 private:
  std::vector<torch::nn::Sequential> decoders_;
};
TORCH_MODULE(PromptHashModel);

struct PromptHashResult {
  PromptHashModel model = nullptr;  // the best epoch's, in eval mode
  std::int64_t image_width = 0;     // of the features
  std::int64_t text_width = 0;
  TrainReport report;
};

// Learns from the pairs of set.train and their labels. Writes train-log.jsonl and, after each epoch, a
// checkpoint into `directory`, and continues one that is there. The same set, options and settings give
// the same model on the same machine, whether interrupted or not.
//
// kInvalidArgument: fewer than two pairs or label values, more than 4,096 label values, features that are no numbers, a
// loss that became none, or settings that do not fit each other; kUnavailable: stopped on request, as run_training.
Result<PromptHashResult> fit_prompthash(const TrainingSet& set, const TrainOptions& options,
                                        const PromptHashSettings& settings, const std::filesystem::path& directory,
                                        ProgressSink& progress);

}  // namespace warifu
