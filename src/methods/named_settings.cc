#include "methods/named_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/join.h"

namespace warifu {
namespace {

Result<const NamedSetting*> find(std::span<const NamedSetting> settings, std::string_view name) {
  for (const NamedSetting& setting : settings)
    if (setting.name == name) return &setting;
  std::vector<std::string_view> names;
  for (const NamedSetting& setting : settings) names.push_back(setting.name);
  return fail(ErrorCode::kInvalidArgument, "this method has no setting '" + std::string(name) + "'",
              "its settings: " + join(names));
}

// Whole numbers are read as such: 2.5 batches are refused, not cut.
template <typename Number>
bool read(std::string_view text, Number& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<void> choose_settings(std::span<const NamedSetting> settings, std::span<const std::string> chosen) {
  std::vector<std::pair<const NamedSetting*, std::variant<int, std::int64_t, double>>> wanted;
  for (const std::string& assignment : chosen) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos) return fail(ErrorCode::kInvalidArgument, "'" + assignment + "' is not NAME=VALUE");
    const auto setting = find(settings, std::string_view(assignment).substr(0, equals));
    if (!setting) return std::unexpected(setting.error());
    const std::string_view text = std::string_view(assignment).substr(equals + 1);
    const bool good = std::visit(
        [&](auto* target) {
          auto number = *target;
          if (!read(text, number)) return false;
          wanted.emplace_back(*setting, number);
          const auto size = static_cast<double>(number);
          return size >= (*setting)->least && size <= (*setting)->most;  // false for a NaN
        },
        (*setting)->value);
    if (!good)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("setting {} must be a {}number in {} … {}, not '{}'", (*setting)->name,
                              std::holds_alternative<double*>((*setting)->value) ? "" : "whole ", (*setting)->least,
                              (*setting)->most, text));
  }
  for (const auto& [setting, number] : wanted)
    std::visit([&](auto* target) { *target = std::get<std::remove_pointer_t<decltype(target)>>(number); },
               setting->value);
  return {};
}

std::map<std::string, std::string> settings_as_text(std::span<const NamedSetting> settings) {
  std::map<std::string, std::string> texts;
  for (const NamedSetting& setting : settings)
    texts.emplace(setting.name, std::visit([](const auto* value) { return fmt::format("{}", *value); }, setting.value));
  return texts;
}

}  // namespace warifu
