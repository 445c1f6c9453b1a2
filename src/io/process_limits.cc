#include "io/process_limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

namespace warifu {

std::uint64_t address_space() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long pages = 0;
  const bool read = std::fscanf(file, "%llu", &pages) == 1;
  std::fclose(file);
  return read ? pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

void limit_resource(int resource, std::uint64_t value) {
  const struct rlimit both = {value, value};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

}  // namespace warifu
