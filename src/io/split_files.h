#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace warifu {

// The splits in a folder of "<split>.txt" files ("query.txt", "train.txt", "database.txt"), by
// name: one id a line, in the file's order. Spaces round an id and empty lines are dropped, "\r\n"
// is a line end too, and an id that is repeated in a file counts once. Other files are ignored.
//
// kNotFound: no such folder, or no .txt file in it; kBadFormat with file and line: not UTF-8, or a
// line of more than 64 KiB.
Result<std::map<std::string, std::vector<std::string>>> read_splits(const std::filesystem::path& folder);

}  // namespace warifu
