#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace warifu {

// An empty folder of its own for each call, under the folder of temporary files.
inline std::filesystem::path fresh_folder() {
  std::string pattern = (std::filesystem::path(testing::TempDir()) / "warifu-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  return pattern;
}

}  // namespace warifu
