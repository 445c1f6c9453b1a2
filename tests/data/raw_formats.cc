#include "data/raw_formats.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace warifu::fixtures {
namespace {

constexpr std::size_t kTarBlock = 512;
constexpr std::uint32_t kMatDouble = 9;   // miDOUBLE
constexpr std::uint32_t kMatInt8 = 1;     // miINT8
constexpr std::uint32_t kMatInt32 = 5;    // miINT32
constexpr std::uint32_t kMatUint32 = 6;   // miUINT32
constexpr std::uint32_t kMatMatrix = 14;  // miMATRIX
constexpr std::uint32_t kMatDoubleClass = 6;

Bytes padded(Bytes bytes, std::size_t multiple) {
  bytes.resize((bytes.size() + multiple - 1) / multiple * multiple, '\0');
  return bytes;
}

Bytes big_endian(std::uint32_t value) {
  Bytes bytes = little_endian(value);
  return {bytes.rbegin(), bytes.rend()};
}

Bytes mat_element(std::uint32_t type, std::string_view data) {
  return little_endian(type) + little_endian(static_cast<std::uint32_t>(data.size())) + padded(Bytes(data), 8);
}

Bytes octal(std::size_t value, int digits) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%0*zo", digits, value);
  return text.data();
}

}  // namespace

void write(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return;
  std::fprintf(stderr, "make_fixtures: cannot write %s\n", path.c_str());
  std::exit(74);
}

Bytes npy(std::string_view header, std::string_view data) {
  constexpr std::size_t kPreamble = 10;
  Bytes text(header);
  text.resize((kPreamble + text.size() + 1 + 63) / 64 * 64 - kPreamble - 1, ' ');
  text += '\n';
  return Bytes("\x93NUMPY\x01\x00", 8) + little_endian(static_cast<std::uint16_t>(text.size())) + text + Bytes(data);
}

std::string npy_header(std::string_view dtype, std::size_t rows, std::size_t columns) {
  return "{'descr': '" + std::string(dtype) + "', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
         std::to_string(columns) + "), }";
}

Bytes npy_floats(std::size_t columns, std::span<const float> values) {
  Bytes data;
  for (const float value : values) data += little_endian(std::bit_cast<std::uint32_t>(value));
  return npy(npy_header("<f4", values.size() / columns, columns), data);
}

Bytes tar_member(std::string_view name, std::string_view content) {
  Bytes header(kTarBlock, '\0');
  const auto put = [&header](std::size_t at, std::string_view text) {
    std::ranges::copy(text, header.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, octal(content.size(), 11));
  put(136, octal(1'700'000'000, 11));
  put(148, "        ");  // the checksum counts itself as spaces
  put(156, "0");
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  std::size_t sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put(148, octal(sum, 6) + Bytes("\0 ", 2));
  return header + padded(Bytes(content), kTarBlock);
}

Bytes tar_end() { return Bytes(2 * kTarBlock, '\0'); }

Bytes png_chunk(std::string_view type, std::string_view data) {
  const Bytes body = Bytes(type) + Bytes(data);
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(static_cast<std::uint32_t>(crc));
}

Bytes png_header(std::uint32_t width, std::uint32_t height, int bit_depth, int colour_type) {
  const Bytes ihdr = big_endian(width) + big_endian(height) + static_cast<char>(bit_depth) +
                     static_cast<char>(colour_type) + Bytes(3, '\0');
  return Bytes("\x89PNG\r\n\x1A\n", 8) + png_chunk("IHDR", ihdr);
}

Bytes zlib_compressed(std::string_view data) {
  uLongf size = compressBound(static_cast<uLong>(data.size()));
  Bytes bytes(size, '\0');
  compress2(reinterpret_cast<Bytef*>(bytes.data()), &size, reinterpret_cast<const Bytef*>(data.data()),
            static_cast<uLong>(data.size()), Z_BEST_COMPRESSION);
  bytes.resize(size);
  return bytes;
}

Bytes mat_header() {
  Bytes header = "MATLAB 5.0 MAT-file, drawn for Warifu's tests";
  header.resize(124, ' ');
  return header + Bytes("\x00\x01IM", 4);
}

Bytes mat_matrix(std::string_view name, std::size_t rows, std::size_t columns, std::span<const double> values) {
  Bytes data;
  for (const double value : values) data += little_endian(std::bit_cast<std::uint64_t>(value));
  const Bytes body = mat_element(kMatUint32, little_endian(kMatDoubleClass) + little_endian(std::uint32_t{0})) +
                     mat_element(kMatInt32, little_endian(static_cast<std::uint32_t>(rows)) +
                                                little_endian(static_cast<std::uint32_t>(columns))) +
                     mat_element(kMatInt8, name) + mat_element(kMatDouble, data);
  return mat_element(kMatMatrix, body);
}

Bytes safetensors(std::string_view json_header, std::string_view data) {
  return little_endian(std::uint64_t{json_header.size()}) + Bytes(json_header) + Bytes(data);
}

}  // namespace warifu::fixtures
