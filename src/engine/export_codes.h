#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/workspace.h"

namespace warifu {

// Files that other programs read codes from.
enum class CodeFormat {
  kNpy,    // <stem>.npy: uint8 [n, bits / 8 rounded up], little-endian bit order
  kFaiss,  // <stem>.index: FAISS IndexBinaryFlat, for bits that are a multiple of 8
};

// "npy" or "faiss"; kInvalidArgument otherwise.
Result<CodeFormat> parse_code_format(std::string_view name);

struct ExportedCodes {
  std::filesystem::path codes;
  std::filesystem::path ids;  // one item id a line, in the order of the codes
  std::size_t count = 0;
};

// Writes the codes of one modality and length into `folder` (made if absent); a caveat of the encoder enters the
// file names. kNotFound if nothing of it is indexed.
Result<ExportedCodes> export_codes(const Workspace& workspace, const std::string& space, std::uint32_t bits,
                                   Modality modality, const std::filesystem::path& folder,
                                   CodeFormat format = CodeFormat::kNpy);

struct ImportedCodes {
  std::size_t count = 0;                 // codes that items of the workspace have now
  std::vector<std::string> unknown_ids;  // of no item; their codes were left out
};

// The way back: gives items the codes of a file, line i of `ids` naming the item of code i, instead of encoding them.
// What 'warifu index' does later holds for these codes too: it encodes an item again that changed since the last run of
// it, that lacks a code at one of the trained lengths, and drops codes of a modality that the item does not have.
// The format follows the file's name (.npy; anything else is read as FAISS). Nothing in these files says which space
// their codes are of: the caller does. kInvalidArgument if there are not as many ids as codes or an id repeats;
// kIncompatible for codes of another length than `bits`; errors of the readers.
Result<ImportedCodes> import_codes(const Workspace& workspace, const std::string& space, std::uint32_t bits,
                                   Modality modality, const std::filesystem::path& codes,
                                   const std::filesystem::path& ids);

}  // namespace warifu
