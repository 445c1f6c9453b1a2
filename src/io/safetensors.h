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
// little-endian; it lives as long as the file object.
struct TensorView {
  std::string dtype;  // "F32", "F16", "BF16", "F64", "I64", "I32", "U8", "BOOL" …
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// A read-only, memory-mapped safetensors file. The header is hostile: its length (at most 100 MB),
// offsets, overlaps, gaps and byte counts are checked before anything is used.
class SafetensorsFile {
 public:
  virtual ~SafetensorsFile() = default;
  virtual const std::map<std::string, TensorView, std::less<>>& tensors() const = 0;
  virtual const std::map<std::string, std::string, std::less<>>& metadata() const = 0;
};

Result<std::unique_ptr<SafetensorsFile>> open_safetensors(const std::filesystem::path& path);

// What is written: bytes are copied to the file in the order of the names.
struct TensorToWrite {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// Atomic; the same tensors and metadata give the same bytes.
Result<void> write_safetensors(const std::filesystem::path& path, const std::map<std::string, TensorToWrite>& tensors,
                               const std::map<std::string, std::string>& metadata);

}  // namespace warifu
