#include "methods/named_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <type_traits>

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

// What a setting will become once every choice has been found good.
class Wanted {
 public:
  // kInvalidArgument if `text` is not one of `setting`'s values.
  Result<void> add(const NamedSetting& setting, std::string_view text) {
    return std::visit([&](auto target) { return add(setting, target, text); }, setting.value);
  }

  void carry_out() {
    for (const auto& change : changes_) change();
  }

 private:
  template <typename Number>
  Result<void> add(const NamedSetting& setting, Number* target, std::string_view text) {
    Number number{};
    // The comparison is false for a NaN.
    if (!read(text, number) ||
        !(static_cast<double>(number) >= setting.least && static_cast<double>(number) <= setting.most))
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("setting {} must be a {}number in {} … {}, not '{}'", setting.name,
                              std::is_integral_v<Number> ? "whole " : "", setting.least, setting.most, text));
    changes_.emplace_back([target, number] { *target = number; });
    return {};
  }

  Result<void> add(const NamedSetting& setting, NamedChoice choice, std::string_view text) {
    if (std::ranges::find(choice.words, text) == choice.words.end())
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("setting {} must be one of {}, not '{}'", setting.name, join(choice.words), text));
    changes_.emplace_back([choice, word = std::string(text)] { *choice.value = word; });
    return {};
  }

  std::vector<std::function<void()>> changes_;
};

std::string as_text(NamedChoice choice) { return *choice.value; }

template <typename Number>
std::string as_text(const Number* number) {
  return fmt::format("{}", *number);
}

}  // namespace

Result<void> choose_settings(std::span<const NamedSetting> settings, std::span<const std::string> chosen) {
  Wanted wanted;
  for (const std::string& assignment : chosen) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos) return fail(ErrorCode::kInvalidArgument, "'" + assignment + "' is not NAME=VALUE");
    const auto setting = find(settings, std::string_view(assignment).substr(0, equals));
    if (!setting) return std::unexpected(setting.error());
    if (auto good = wanted.add(**setting, std::string_view(assignment).substr(equals + 1)); !good) return good;
  }
  wanted.carry_out();
  return {};
}

bool chooses(std::span<const std::string> chosen, std::string_view name) {
  return std::ranges::any_of(
      chosen, [&](std::string_view assignment) { return assignment.substr(0, assignment.find('=')) == name; });
}

std::map<std::string, std::string> settings_as_text(std::span<const NamedSetting> settings) {
  std::map<std::string, std::string> texts;
  for (const NamedSetting& setting : settings)
    texts.emplace(setting.name, std::visit([](const auto& value) { return as_text(value); }, setting.value));
  return texts;
}

}  // namespace warifu
