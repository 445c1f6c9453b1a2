#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace warifu {

// Declares a setting once: the flag --max-upload-mib is also the environment variable
// WARIFU_MAX_UPLOAD_MIB and the key max-upload-mib of a --config file. Flag beats environment beats
// config beats default.
class Flags {
 public:
  explicit Flags(CLI::App& app) : app_(app) {}

  template <typename T>
  CLI::Option* value(const std::string& flag, T& target, const std::string& help) {
    return named(flag, app_.add_option(flag, target, help));
  }

  // --bits 16,32 or --bits 16 --bits 32.
  template <typename T>
  CLI::Option* list(const std::string& flag, std::vector<T>& target, const std::string& help) {
    // One argument a flag: the next word may be the verb's own argument.
    return named(flag, app_.add_option(flag, target, help)->delimiter(',')->allow_extra_args(false));
  }

  CLI::Option* toggle(const std::string& flag, bool& target, const std::string& help) {
    return named(flag, app_.add_flag(flag, target, help));
  }

  template <typename T>
  CLI::Option* argument(const std::string& name, T& target, const std::string& help) {
    return app_.add_option(name, target, help);
  }

 private:
  static CLI::Option* named(const std::string& flag, CLI::Option* option) {
    const auto dashes = flag.rfind("--");
    std::string name = "WARIFU_" + flag.substr(dashes + 2);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
    return option->envname(name);
  }

  CLI::App& app_;
};

}  // namespace warifu
