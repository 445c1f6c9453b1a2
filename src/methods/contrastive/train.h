#pragma once

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/progress.h"
#include "methods/contrastive/model.h"
#include "methods/contrastive/settings.h"
#include "methods/contrastive/start_weights.h"
#include "methods/method.h"

namespace warifu {

struct ContrastiveResult {
  ContrastiveModel model = nullptr;  // the best epoch's, mixed with the start where asked, in eval mode
  std::int64_t image_width = 0;      // of the features
  std::int64_t text_width = 0;
  TrainReport report;
};

// Learns from the pairs of set.train, going on from `start` where there is one (settings.hidden is its own). The
// labels of `set` are not read unless settings.label_schedule says so. Writes train-log.jsonl and,
// after each epoch, a checkpoint into `directory`, and continues one that is there. The same set,
// options and settings give the same model on the same machine, whether interrupted or not.
//
// kInvalidArgument: fewer than two pairs, features that are no numbers, or a loss that became none;
// kIncompatible: a start that does not fit; kUnavailable: stopped on request, as run_training.
Result<ContrastiveResult> fit_contrastive(const TrainingSet& set, const TrainOptions& options,
                                          const ContrastiveSettings& settings, const std::filesystem::path& directory,
                                          ProgressSink& progress,
                                          const std::optional<StartWeights>& start = std::nullopt);

}  // namespace warifu
