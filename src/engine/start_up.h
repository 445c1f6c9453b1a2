#pragma once

#include <cstddef>
#include <string>

namespace warifu {

// Called once before any work: sets the number of threads everywhere (0: all processors).
void start_up(std::size_t threads);

// Versions and kernels of what computes, one a line, for --version.
std::string engine_description();

}  // namespace warifu
