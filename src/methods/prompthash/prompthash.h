#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/progress.h"
#include "encode/encoder.h"
#include "methods/method.h"
#include "methods/space_model.h"

namespace warifu {

// PromptHash (S. Zou et al., CVPR 2025) made strict: see README.md. As train_method and load_encoder.
Result<TrainReport> train_prompthash(const TrainingSet& set, const TrainOptions& options,
                                     const std::filesystem::path& directory, ProgressSink& progress);
Result<std::unique_ptr<Encoder>> load_prompthash(const std::filesystem::path& directory, const SpaceModel& model);

}  // namespace warifu
