#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/progress.h"
#include "encode/encoder.h"
#include "methods/method.h"
#include "methods/space_model.h"

namespace warifu {

// One code of an item's picture and text, after "Deep Mamba Multi-modal Learning" (J. Zhu et al., 2024): a
// reconstruction, see README.md. As train_method and load_encoder.
Result<TrainReport> train_dmmh(const TrainingSet& set, const TrainOptions& options,
                               const std::filesystem::path& directory, ProgressSink& progress);
Result<std::unique_ptr<Encoder>> load_dmmh(const std::filesystem::path& directory, const SpaceModel& model);

}  // namespace warifu
