#pragma once

#include <string>

namespace warifu {

// From now on a tensor operation uses the thread that calls it and no other (see
// single_threaded_tensors.h for why); work is spread over threads by item and by shard. Call once at start-up.
void use_single_threaded_tensors();

// Version of the tensor library, for --version.
std::string tensor_library_version();

}  // namespace warifu
