#pragma once

#include <matio.h>

#include <cstddef>
#include <string>

namespace warifu {

// The text of row r of a character matrix or cell array of `rows` rows, as UTF-8: a line of the
// matrix without its padding, or what stands in the row's cells (characters, cells of them, numbers), a
// line each. Runs inside an IsolatedChild, as all of mat_extract.cc.
std::string mat_row_text(const matvar_t& variable, std::size_t r, std::size_t rows);

}  // namespace warifu
