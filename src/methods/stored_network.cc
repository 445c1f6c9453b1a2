#include "methods/stored_network.h"

namespace warifu {

Result<void> read_stored_settings(const SpaceModel& model, std::span<const NamedSetting> settings,
                                  std::span<const std::string_view> names) {
  std::vector<std::string> stored;
  for (const std::string_view name : names) {
    const auto found = model.settings.find(std::string(name));
    if (found == model.settings.end())
      return fail(ErrorCode::kBadFormat, "setting '" + std::string(name) + "' is missing", kRestoreOrTrainAgain);
    stored.push_back(found->first + "=" + found->second);
  }
  if (auto chosen = choose_settings(settings, stored); !chosen)
    return fail(ErrorCode::kBadFormat, chosen.error().message, kRestoreOrTrainAgain);
  return {};
}

Result<void> check_tensor_sizes(const SafetensorsFile& file, std::string_view prefix,
                                std::span<const std::pair<std::string, std::vector<std::int64_t>>> wanted) {
  for (const auto& [name, size] : wanted) {
    const auto found = file.tensors().find(std::string(prefix) + name);
    if (found != file.tensors().end() && found->second.shape == size) continue;
    return fail(ErrorCode::kIncompatible,
                "tensor '" + std::string(prefix) + name + "' is missing or not of the size that model.json states",
                kRestoreOrTrainAgain);
  }
  return {};
}

}  // namespace warifu
