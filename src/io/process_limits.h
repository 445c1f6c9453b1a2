#pragma once

#include <cstdint>

// What a process gives up before it reads bytes of strangers.
namespace warifu {

// Address space of this process in bytes, 0 if the system does not say. Its shared libraries and, in a
// sanitized build, a shadow of terabytes count, so a limit of memory must be relative to it.
std::uint64_t address_space();

// Sets the soft and the hard limit; `resource` is one of RLIMIT_*.
void limit_resource(int resource, std::uint64_t value);

}  // namespace warifu
