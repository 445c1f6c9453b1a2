#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/progress.h"
#include "methods/ccl/model.h"
#include "methods/ccl/objective.h"
#include "methods/ccl/settings.h"
#include "methods/input_stage.h"
#include "methods/method.h"

namespace warifu {

// Decoders of one modality, for stage 1.
class CclDecoderImpl : public torch::nn::Module {
 public:
  CclDecoderImpl(std::int64_t features, bool with_parts, std::int64_t width);

  CclReconstruction forward(const Grains& grains, const CclFeatures& features);

 private:
  torch::nn::Linear whole_ = nullptr, part_ = nullptr, hidden_ = nullptr;
};
TORCH_MODULE(CclDecoder);

// The network, where its features come from, and what only training needs.
class CclModelImpl : public torch::nn::Module {
 public:
  CclModelImpl(const InputSpec& image_spec, const InputSpec& text_spec, const CclShape& shape,
               const CclSettings& settings);

  InputStage image = nullptr, text = nullptr;
  CclNetwork network = nullptr;
  CclDecoder image_decoder = nullptr, text_decoder = nullptr;
  torch::Tensor log_variance;  // [4]: of the tasks of stage 2
};
TORCH_MODULE(CclModel);

struct CclResult {
  CclModel model = nullptr;  // the best epoch's, in eval mode
  CclShape shape;
  std::int64_t image_row = 0;  // width of a row of features, parts among it
  std::int64_t text_row = 0;
  TrainReport report;
};

// Learns from the pairs of set.train and, where they have some, their labels. Writes train-log.jsonl and, after each
// epoch, a checkpoint into `directory`, and continues one that is there. The same set, options and settings give the
// same model on the same machine, whether interrupted or not.
//
// kInvalidArgument: fewer than two pairs, more than 4,096 label values, features that are no numbers or do not fit
// their number of parts, a loss that became no number; kUnavailable: stopped on request, as run_training.
Result<CclResult> fit_ccl(const TrainingSet& set, const TrainOptions& options, const CclSettings& settings,
                          const std::filesystem::path& directory, ProgressSink& progress);

}  // namespace warifu
