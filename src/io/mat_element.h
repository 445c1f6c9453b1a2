#pragma once

#include <matio.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

// How the elements of libmatio's arrays become floats: value(data, i). nullptr for what is no number.
// For mat_extract.cc and mat_text.cc.
namespace warifu {

template <typename T>
inline float mat_element(const void* data, std::size_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + i * sizeof(T), sizeof(T));
  return static_cast<float>(value);
}

using MatElement = float (*)(const void*, std::size_t);

inline MatElement element_of(matio_classes type) {
  switch (type) {
    case MAT_C_DOUBLE:
      return mat_element<double>;
    case MAT_C_SINGLE:
      return mat_element<float>;
    case MAT_C_INT8:
      return mat_element<std::int8_t>;
    case MAT_C_UINT8:
      return mat_element<std::uint8_t>;
    case MAT_C_INT16:
      return mat_element<std::int16_t>;
    case MAT_C_UINT16:
      return mat_element<std::uint16_t>;
    case MAT_C_INT32:
      return mat_element<std::int32_t>;
    case MAT_C_UINT32:
      return mat_element<std::uint32_t>;
    case MAT_C_INT64:
      return mat_element<std::int64_t>;
    case MAT_C_UINT64:
      return mat_element<std::uint64_t>;
    default:
      return nullptr;
  }
}

// Sparse matrices name the type of their values instead.
inline MatElement element_of(matio_types type) {
  switch (type) {
    case MAT_T_DOUBLE:
      return mat_element<double>;
    case MAT_T_SINGLE:
      return mat_element<float>;
    case MAT_T_INT8:
      return mat_element<std::int8_t>;
    case MAT_T_UINT8:
      return mat_element<std::uint8_t>;
    case MAT_T_INT16:
      return mat_element<std::int16_t>;
    case MAT_T_UINT16:
      return mat_element<std::uint16_t>;
    case MAT_T_INT32:
      return mat_element<std::int32_t>;
    case MAT_T_UINT32:
      return mat_element<std::uint32_t>;
    default:
      return nullptr;
  }
}

}  // namespace warifu
