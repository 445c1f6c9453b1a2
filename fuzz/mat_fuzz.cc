// MATLAB files: whatever libmatio does with them, this process goes on, and every record keeps the
// promises of open_records().
#include <cstdlib>

#include "io/record.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  warifu::SourceOptions options;
  options.format = "mat";
  auto reader = warifu::open_records(file.path(), options);
  if (!reader) {
    if (reader.error().message.empty()) std::abort();
    return 0;
  }
  constexpr int kEnough = 1000;  // a few bytes may claim a billion rows of nothing
  for (int i = 0; i < kEnough; ++i) {
    const auto entry = (*reader)->next();
    if (!entry) break;
    if (!*entry && entry->error().reason.empty()) std::abort();
    if (*entry && (*entry)->id.empty()) std::abort();
  }
  return 0;
}
