#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "methods/method.h"
#include "methods/space_model.h"

namespace warifu {

// Robust contrastive pretraining with a hash head; README.md beside this file.
Result<TrainReport> train_contrastive(const TrainingSet& set, const TrainOptions& options,
                                      const std::filesystem::path& directory, ProgressSink& progress);
Result<std::unique_ptr<Encoder>> load_contrastive(const std::filesystem::path& directory, const SpaceModel& model);

}  // namespace warifu
