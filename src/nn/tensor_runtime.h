#pragma once

#include <cstddef>
#include <string>

namespace warifu {

// Threads a tensor operation may use when called outside parallel_for. Call before the first one.
void set_tensor_threads(std::size_t threads);

// "libtorch 1.13.1, OpenBLAS …" for --version.
std::string tensor_library_version();

}  // namespace warifu
