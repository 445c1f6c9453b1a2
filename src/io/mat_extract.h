#pragma once

#include <cstddef>
#include <string>

#include "io/isolated_child.h"

// The side of mat_variable.h that talks to libmatio. Runs only inside an IsolatedChild: a damaged
// file may end the process at any line.
namespace warifu {

// One message a variable: see read_variable() in mat_variable.cc, its counterpart.
void send_mat_variables(int file, MessageSink& sink);

// One message a row: floats, UTF-8 text or bytes. `block_bytes` bounds the numbers held at once.
void send_mat_rows(int file, const std::string& variable, std::size_t block_bytes, MessageSink& sink);

}  // namespace warifu
