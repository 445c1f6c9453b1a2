#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"

namespace warifu {

// Codes and their rows in the files of FAISS (Facebook AI Similarity Search), so that they can be searched there and
// come from there: an IndexBinaryFlat, alone or in an IndexBinaryIDMap whose ids are rows. Neither carries a code
// space. Byte layout: docs/reference/formats/faiss-binary.md.
struct FaissCodes {
  std::vector<std::int64_t> rows;  // >= 0, without repeats, in the file's order; rows[i] names codes.row(i)
  CodeMatrix codes;                // of a multiple of 8 bits
};

// Writes what faiss::read_index_binary of FAISS 1.7 and later reads, byte for byte what its write_index_binary gives.
// Atomic. kInvalidArgument if the codes are not of a multiple of 8 bits, or rows are fewer or more, negative, or
// repeat; kIo with the system's reason.
Result<void> write_faiss_flat(const std::filesystem::path& path, const CodeMatrix& codes);
Result<void> write_faiss_id_map(const std::filesystem::path& path, std::span<const std::int64_t> rows,
                                const CodeMatrix& codes);

// Reads either, and IndexBinaryIDMap2; without ids the rows are 0, 1, 2 … The file is hostile: everything is checked
// before it is used. kBadFormat names the place; another kind of FAISS index is kInvalidArgument with a hint.
Result<FaissCodes> read_faiss_file(const std::filesystem::path& path);

// The same without a file.
Result<std::vector<std::byte>> faiss_flat_bytes(const CodeMatrix& codes);
Result<std::vector<std::byte>> faiss_id_map_bytes(std::span<const std::int64_t> rows, const CodeMatrix& codes);
Result<FaissCodes> parse_faiss(std::span<const std::byte> bytes);

}  // namespace warifu
