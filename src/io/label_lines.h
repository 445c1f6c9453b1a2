#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace warifu {

// Label lists as the deep hashing repositories pass them round: a text file (plain or gzip) whose
// lines are a picture's name and one 0 or 1 for each class. Pictures are known by their file name
// without folders.
class LabelLines {
 public:
  struct Entry {
    std::vector<std::uint16_t> classes;  // ascending
    std::string list;                    // the file it stood in, without extension: "train"
  };

  // Adds the lines of one file; a picture that is known already keeps its first entry. False, and
  // nothing added, if the first line is of another kind. kBadFormat with the place for any later one.
  Result<bool> add(const std::filesystem::path& file);

  // Nothing for a picture that no list names.
  const Entry* find(std::string_view picture_name) const;
  std::size_t size() const { return entries_.size(); }

 private:
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace warifu
