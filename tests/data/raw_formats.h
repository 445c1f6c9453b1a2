#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace warifu::fixtures {

// Files of the formats that Warifu reads, written by hand and not by the code under test. The program stops with a
// message when a file cannot be written.

using Bytes = std::string;  // of any value

void write(const std::filesystem::path& path, std::string_view bytes);

// Little-endian bytes of a number, whatever the machine.
template <typename T>
Bytes little_endian(T value) {
  Bytes bytes(sizeof(T), '\0');
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>((value >> (8 * i)) & 0xFF);
  return bytes;
}

// NPY version 1.0: `header` is the dictionary without its braces' padding, e.g. npy_header("<f4", 60, 32).
Bytes npy(std::string_view header, std::string_view data);
std::string npy_header(std::string_view dtype, std::size_t rows, std::size_t columns);
Bytes npy_floats(std::size_t columns, std::span<const float> values);

// One ustar member, padded to whole blocks; tar_end() closes the archive.
Bytes tar_member(std::string_view name, std::string_view content);
Bytes tar_end();

// PNG from its chunks; `scanlines` is what zlib compresses.
Bytes png_chunk(std::string_view type, std::string_view data);
Bytes png_header(std::uint32_t width, std::uint32_t height, int bit_depth, int colour_type);  // signature + IHDR
Bytes zlib_compressed(std::string_view data);

// A MATLAB 5 file of double matrices, column-major; add mat_matrix() after mat_header().
Bytes mat_header();
Bytes mat_matrix(std::string_view name, std::size_t rows, std::size_t columns, std::span<const double> values);

// safetensors: 8 bytes of header length, the JSON header, the data.
Bytes safetensors(std::string_view json_header, std::string_view data);

}  // namespace warifu::fixtures
