#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "engine/workspace.h"

namespace warifu {

struct ExportedCodes {
  std::filesystem::path codes;  // NPY uint8 [n, bits/8 rounded up], little-endian bit order
  std::filesystem::path ids;    // one item id a line, in the order of the rows
  std::size_t count = 0;
};

// Writes the codes of one modality and length into `folder` (made if absent); a caveat of the encoder enters the
// file names. kNotFound if nothing of it is indexed.
Result<ExportedCodes> export_codes(const Workspace& workspace, const std::string& space, std::uint32_t bits,
                                   Modality modality, const std::filesystem::path& folder);

}  // namespace warifu
