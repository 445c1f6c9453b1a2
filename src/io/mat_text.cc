#include "io/mat_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "io/mat_element.h"

namespace warifu {
namespace {

void append_utf8(std::string& text, std::uint32_t point) {
  if (point >= 0xD800 && point <= 0xDFFF) point = 0xFFFD;  // half a surrogate pair
  if (point > 0x10FFFF) point = 0xFFFD;
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0 | point >> 6), add(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12), add(0x80 | (point >> 6 & 0x3F)), add(0x80 | (point & 0x3F));
  } else {
    add(0xF0 | point >> 18), add(0x80 | (point >> 12 & 0x3F)), add(0x80 | (point >> 6 & 0x3F)),
        add(0x80 | (point & 0x3F));
  }
}

void trim_padding(std::string& text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.pop_back();
}

// Row r of a character matrix, with the blanks that pad it cut off. MATLAB stores UTF-16 units; ASCII
// and what other programs write are bytes, taken as UTF-8.
std::string character_row(const matvar_t& characters, std::size_t r, std::size_t rows) {
  const std::size_t width = characters.data_size == 1 || characters.data_size == 2 || characters.data_size == 4
                                ? static_cast<std::size_t>(characters.data_size)
                                : 1;
  const std::size_t units = characters.data == nullptr || rows == 0 ? 0 : characters.nbytes / width / rows;
  const auto unit = [&](std::size_t c) {
    std::uint32_t value = 0;
    std::memcpy(&value, static_cast<const char*>(characters.data) + (c * rows + r) * width, width);
    return value;
  };
  std::string text;
  for (std::size_t c = 0; c < units; ++c) {
    std::uint32_t point = unit(c);
    if (width == 1) {
      text += static_cast<char>(point);
      continue;
    }
    if (width == 2 && point >= 0xD800 && point < 0xDC00 && c + 1 < units)
      if (const std::uint32_t low = unit(c + 1); low >= 0xDC00 && low < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        ++c;
      }
    append_utf8(text, point);
  }
  trim_padding(text);
  return text;
}

std::size_t element_count(const matvar_t& variable) {
  std::size_t count = variable.rank > 0 ? 1 : 0;
  for (int i = 0; i < variable.rank; ++i)
    if (__builtin_mul_overflow(count, variable.dims[i], &count)) return 0;
  return count;
}

void append_line(std::string& text, std::string_view line) {
  if (line.empty()) return;
  if (!text.empty()) text += '\n';
  text += line;
}

// A cell's content as text: characters, cells of characters, or a number.
std::string text_of(const matvar_t* cell, int depth) {
  constexpr int kMaxDepth = 4;
  std::string text;
  if (cell == nullptr || cell->data == nullptr || depth > kMaxDepth) return text;
  if (cell->class_type == MAT_C_CHAR) {
    const std::size_t rows = cell->rank > 0 ? cell->dims[0] : 0;
    for (std::size_t r = 0; r < rows; ++r) append_line(text, character_row(*cell, r, rows));
  } else if (cell->class_type == MAT_C_CELL) {
    const std::size_t count = std::min(element_count(*cell), cell->nbytes / sizeof(matvar_t*));
    for (std::size_t i = 0; i < count; ++i)
      append_line(text, text_of(static_cast<matvar_t* const*>(cell->data)[i], depth + 1));
  } else if (const MatElement at = element_of(cell->class_type); at != nullptr) {
    const std::size_t count = std::min(element_count(*cell), cell->nbytes / Mat_SizeOfClass(cell->class_type));
    for (std::size_t i = 0; i < count; ++i) text += fmt::format("{}{}", i == 0 ? "" : " ", at(cell->data, i));
  }
  return text;
}

}  // namespace

std::string mat_row_text(const matvar_t& variable, std::size_t r, std::size_t rows) {
  if (variable.class_type == MAT_C_CHAR) return character_row(variable, r, rows);
  std::string text;
  const std::size_t held = variable.data == nullptr ? 0 : variable.nbytes / sizeof(matvar_t*);
  const std::size_t columns = rows == 0 ? 0 : element_count(variable) / rows;
  for (std::size_t c = 0; c < columns; ++c)
    if (const std::size_t i = c * rows + r; i < held)
      append_line(text, text_of(static_cast<matvar_t* const*>(variable.data)[i], 0));
  return text;
}

}  // namespace warifu
