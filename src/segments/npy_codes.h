#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "codes/code_matrix.h"

namespace warifu {

// Codes as an NPY array: uint8 [n, (bits + 7) / 8], bytes as in segments/code_bytes.h, for numpy and for whatever reads
// it. The array does not say how many bits of the last byte count, nor which items the codes are of.

// Atomic. kIo with the system's reason.
Result<void> write_npy_codes(const std::filesystem::path& path, const CodeMatrix& codes);

// Codes of `bits` bits, 1 … kMaxCodeBits. The file is hostile, see io/npy.h. kInvalidArgument if its array is of
// another type or shape; kBadFormat if a code has bits set behind its last one.
Result<CodeMatrix> read_npy_codes(const std::filesystem::path& path, std::uint32_t bits);

}  // namespace warifu
