#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/progress.h"
#include "methods/dlch/model.h"
#include "methods/dlch/settings.h"
#include "methods/method.h"

namespace warifu {

struct DlchResult {
  DlchModel model = nullptr;  // the best epoch's, in eval mode
  DlchInput image, text;
  // Real values of all lengths of set.train and set.validation together, in this order, and their labels.
  torch::Tensor image_outputs, text_outputs, labels;
  TrainReport report;
};

// The first generation: learns from the pairs of set.train and their labels. Checkpoints and promises as
// run_training. kInvalidArgument: fewer than two pairs or label values, more than 4,096 label values, trained towers,
// features that are no numbers.
Result<DlchResult> fit_dlch(const TrainingSet& set, const TrainOptions& options, const DlchSettings& settings,
                            const std::filesystem::path& directory, ProgressSink& progress);

}  // namespace warifu
