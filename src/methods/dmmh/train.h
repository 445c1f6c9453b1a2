#pragma once

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "methods/dmmh/model.h"
#include "methods/dmmh/settings.h"
#include "methods/input_stage.h"
#include "methods/method.h"

namespace warifu {

// The network, where its features come from, and what only training needs: for each length a classifier and words.
class DmmhModelImpl : public torch::nn::Module {
 public:
  DmmhModelImpl(const InputSpec& image_spec, const InputSpec& text_spec, const DmmhShape& shape,
                std::int64_t label_values, const DmmhSettings& settings);

  InputStage image = nullptr, text = nullptr;
  DmmhNetwork network = nullptr;
  std::vector<torch::nn::Linear> classifiers;
  std::vector<torch::Tensor> words;  // [label values, bits]
};
TORCH_MODULE(DmmhModel);

struct DmmhResult {
  DmmhModel model = nullptr;     // the best epoch's, in eval mode
  std::int64_t image_width = 0;  // of the features
  std::int64_t text_width = 0;
  TrainReport report;
};

// Learns from the pairs of set.train and their labels. Writes train-log.jsonl and, after each epoch, a
// checkpoint into `directory`, and continues one that is there. The same set, options and settings give
// the same model on the same machine, whether interrupted or not.
//
// report.validation_by_bits: of each length the mAP of held-out items that look for training items (at most 5,000,
// drawn), all with labels of every column; relevant is who shares a value in every column. Empty where fewer than two
// have something to find.
//
// kInvalidArgument: fewer than two pairs or label values, more than 4,096 of these, features that are no numbers, a
// loss that became none, bits_tolerance where nothing can be measured; kUnavailable: stopped on request, as
// run_training.
Result<DmmhResult> fit_dmmh(const TrainingSet& set, const TrainOptions& options, const DmmhSettings& settings,
                            const std::filesystem::path& directory, ProgressSink& progress);

}  // namespace warifu
