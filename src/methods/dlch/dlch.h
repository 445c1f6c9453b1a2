#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/progress.h"
#include "encode/encoder.h"
#include "methods/method.h"
#include "methods/space_model.h"
#include "methods/update.h"

namespace warifu {

// Deep lifelong cross-modal hashing (L. Xu et al., IEEE TCSVT 2024): see README.md. As train_method, load_encoder and
// update_space.
Result<TrainReport> train_dlch(const TrainingSet& set, const TrainOptions& options,
                               const std::filesystem::path& directory, ProgressSink& progress);
Result<std::unique_ptr<Encoder>> load_dlch(const std::filesystem::path& directory, const SpaceModel& model);
Result<UpdateReport> update_dlch(const std::filesystem::path& directory, const SpaceModel& model,
                                 const TrainingSet& set, const UpdateOptions& options,
                                 const std::filesystem::path& next, ProgressSink& progress);

}  // namespace warifu
