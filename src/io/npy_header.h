#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/npy.h"

namespace warifu {

// Reads the Python dictionary of an NPY header, e.g.
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
// as text, evaluating nothing. Exactly these three keys, in any order. kBadFormat says what is
// wrong; element types other than numbers (objects, records, text, complex) are refused by name.
Result<NpyHeader> parse_npy_dictionary(std::string_view dictionary);

// Everything of an NPY v1.0 file before the values: magic, lengths and dictionary, padded to a
// multiple of 64 bytes. `descr` as numpy writes it, e.g. "<f4" or "|u1".
std::string npy_preamble(std::string_view descr, std::size_t rows, std::size_t cols);

}  // namespace warifu
