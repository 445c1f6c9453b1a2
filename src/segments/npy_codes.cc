#include "segments/npy_codes.h"

#include <algorithm>
#include <string>
#include <vector>

#include "io/npy.h"
#include "segments/code_bytes.h"
#include "segments/code_segment_rules.h"

namespace warifu {
namespace {

std::string shape_of(const NpyHeader& header) {
  std::string shape;
  for (const std::size_t size : header.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  return header.dtype + " [" + shape + "]";
}

Result<void> check_array(const NpyHeader& header, std::uint32_t bits) {
  const std::size_t bytes_per_code = (std::size_t{bits} + 7) / 8;
  if (header.dtype == "u1" && header.shape.size() == 2 && header.shape[1] == bytes_per_code) return {};
  return fail(ErrorCode::kInvalidArgument,
              "an array " + shape_of(header) + " holds no codes of " + std::to_string(bits) + " bits",
              "save them as uint8 [n, " + std::to_string(bytes_per_code) +
                  "]: numpy.packbits(bits, axis=1, bitorder='little')");
}

// The rest of an array of bytes. The reader gives floats, which hold a byte exactly.
Result<std::vector<std::uint8_t>> read_bytes(NpyRowReader& reader) {
  constexpr std::size_t kBlockValues = std::size_t{1} << 18;
  FloatMatrix block(std::min(reader.rows(), std::max<std::size_t>(1, kBlockValues / reader.cols())), reader.cols());
  std::vector<std::uint8_t> bytes;  // grows with what arrives: a header may promise any size
  for (;;) {
    const auto rows = reader.read(block);
    if (!rows) return std::unexpected(rows.error());
    if (*rows == 0) return bytes;
    for (const float value : block.values().first(*rows * reader.cols()))
      bytes.push_back(static_cast<std::uint8_t>(value));
  }
}

}  // namespace

Result<void> write_npy_codes(const std::filesystem::path& path, const CodeMatrix& codes) {
  return write_npy_u8(path, code_bytes(codes, 0, codes.count()), codes.count(), (codes.bits() + 7) / 8);
}

Result<CodeMatrix> read_npy_codes(const std::filesystem::path& path, std::uint32_t bits) {
  if (bits == 0 || bits > kMaxCodeBits)
    return fail(ErrorCode::kInvalidArgument,
                "codes of " + std::to_string(bits) + " bits; 1 to " + std::to_string(kMaxCodeBits) + " can be read");
  auto reader = open_npy(path);
  if (!reader) return std::unexpected(reader.error());
  if (const auto ok = check_array((*reader)->header(), bits); !ok) return with_context(path.string(), ok.error());
  const auto bytes = read_bytes(**reader);
  if (!bytes) return std::unexpected(bytes.error());
  CodeMatrix codes = codes_from_bytes(*bytes, bits);
  if (const auto broken = broken_padding(codes)) return fail(ErrorCode::kBadFormat, path.string() + ": " + *broken);
  return codes;
}

}  // namespace warifu
