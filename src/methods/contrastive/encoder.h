#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "methods/contrastive/model.h"
#include "methods/feature_source.h"
#include "methods/space_model.h"

namespace warifu {

// The trained towers as sources of features, one input at a time: a batch of one has no neighbours.
// `file` holds the tower's tensors under `prefix` ("image.tower."); errors as load_module.
Result<std::unique_ptr<FeatureSource>> open_picture_tower(const SafetensorsFile& file, std::string_view prefix,
                                                          std::size_t width);
Result<std::unique_ptr<FeatureSource>> open_text_tower(const SafetensorsFile& file, std::string_view prefix,
                                                       std::size_t width, const std::filesystem::path& vocabulary);

}  // namespace warifu
