#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "base/progress.h"
#include "encode/encoder.h"
#include "methods/method.h"
#include "methods/space_model.h"

namespace warifu {

// Cross-modal Correlation Learning (Y. Peng et al., "CCL", IEEE TMM 2018) with real values and codes: see README.md.
// As train_method and load_encoder.
Result<TrainReport> train_ccl(const TrainingSet& set, const TrainOptions& options,
                              const std::filesystem::path& directory, ProgressSink& progress);
Result<std::unique_ptr<Encoder>> load_ccl(const std::filesystem::path& directory, const SpaceModel& model);

// As wanted_parts.
Result<int> ccl_parts(Modality modality, std::span<const std::string> settings);

}  // namespace warifu
