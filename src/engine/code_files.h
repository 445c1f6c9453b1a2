#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "engine/workspace.h"
#include "index/code_segment.h"
#include "methods/method.h"

namespace warifu {

// The file with the codes of one modality and length: spaces/<name>/codes/<modality>-<bits>.wcs.
std::filesystem::path code_file(const Workspace& workspace, std::string_view space, Modality modality,
                                std::uint32_t bits);

// The trained length `bits`, or the longest for 0. kInvalidArgument lists the lengths there are.
Result<CodeSpace> choose_bits(const SpaceInfo& info, std::uint32_t bits);

// Codes as indexed, or a null pointer where nothing of that modality is. kIncompatible (with the
// command that mends it) when they were made by another model than the space's present one.
Result<std::unique_ptr<CodeSegment>> load_codes(const Workspace& workspace, const CodeSpace& space, Modality modality);

}  // namespace warifu
