#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// A named tensor inside a safetensors file. `bytes` points into the mapped file, row-major and
// little-endian, at any alignment; it lives as long as the file object.
struct TensorView {
  std::string dtype;  // "F32", "F16", "BF16", "F64", "I64", "I32", "U8", "BOOL" …
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// A read-only, memory-mapped safetensors file. The header is hostile: its length (at most 100 MB),
// keys, element types, shapes, offsets, overlaps, gaps and byte counts are checked before anything
// is used. A file that is cut short while it is mapped ends the process (SIGBUS), as with every
// mapped file: weights are replaced by renaming, never written in place.
//
// Thread safety: immutable.
// Format: https://github.com/huggingface/safetensors#format
class SafetensorsFile {
 public:
  virtual ~SafetensorsFile() = default;
  virtual const std::map<std::string, TensorView, std::less<>>& tensors() const = 0;
  virtual const std::map<std::string, std::string, std::less<>>& metadata() const = 0;
};

// kNotFound, kIo, or kBadFormat with the name of the tensor that is wrong.
Result<std::unique_ptr<SafetensorsFile>> open_safetensors(const std::filesystem::path& path);

// The values as floats, row-major: exact for F32, F16, BF16 and BOOL (0 or 1), rounded to the
// nearest for F64 and integers. kIncompatible for element types without a conversion (F8).
Result<std::vector<float>> to_floats(const TensorView& tensor);

// What is written.
struct TensorToWrite {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// Atomic; the same tensors and metadata give the same bytes. In the file the widest elements come
// first, and among equal widths the names are in order, so that every tensor is aligned to its
// element. kInvalidArgument if a tensor's bytes do not follow from its shape and element type, or
// if it is called "__metadata__".
Result<void> write_safetensors(const std::filesystem::path& path, const std::map<std::string, TensorToWrite>& tensors,
                               const std::map<std::string, std::string>& metadata);

}  // namespace warifu
