#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace warifu {

// Where a word lies and which words it may be.
struct NamedChoice {
  std::string* value;
  std::span<const std::string_view> words;
};

inline constexpr std::array<std::string_view, 2> kYesNo = {"yes", "no"};

// One number or word that a method leaves open, where it lies in the method's settings, and what it may be.
struct NamedSetting {
  std::string_view name;
  std::variant<int*, std::int64_t*, double*, NamedChoice> value;
  double least = 0;  // of a number
  double most = 0;
};

// Sets what `chosen` names, each "name=value", the last one winning.
// kInvalidArgument: not of that form, a name the method does not have (the hint lists them), a value
// that is no number or out of its range, a word that is not one of the choice. Nothing is changed then.
Result<void> choose_settings(std::span<const NamedSetting> settings, std::span<const std::string> chosen);

// Whether one of `chosen`, each "name=value", is of this name.
bool chooses(std::span<const std::string> chosen, std::string_view name);

// All of them as text, numbers so that they read back to the same value.
std::map<std::string, std::string> settings_as_text(std::span<const NamedSetting> settings);

}  // namespace warifu
