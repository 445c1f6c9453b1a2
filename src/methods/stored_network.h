#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "io/safetensors.h"
#include "methods/named_settings.h"
#include "methods/space_model.h"

namespace warifu {

// What loaders of trained networks check before one is made.

// Sets `settings` to what model.json has under these names. kBadFormat: one is missing or out of its range.
Result<void> read_stored_settings(const SpaceModel& model, std::span<const NamedSetting> settings,
                                  std::span<const std::string_view> names);

// Before a network of the sizes that model.json states is allocated: kIncompatible, naming the tensor, unless `file`
// has one of this name behind `prefix` and of this shape for each of `wanted`.
Result<void> check_tensor_sizes(const SafetensorsFile& file, std::string_view prefix,
                                std::span<const std::pair<std::string, std::vector<std::int64_t>>> wanted);

inline constexpr const char* kRestoreOrTrainAgain = "restore the space's directory, or train the space again";

}  // namespace warifu
