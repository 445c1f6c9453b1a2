#pragma once

#include <cstddef>
#include <string>

namespace warifu {

// Called once before any work: sets the number of threads everywhere (0: all processors).
void start_up(std::size_t threads);

// Version of the tensor library, for --version.
std::string tensor_library_version();

}  // namespace warifu
