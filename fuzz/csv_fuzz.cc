// CSV: every input ends, every rejection names its line, and every record keeps the promises of
// open_records().
#include <cstdlib>

#include "io/record.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  warifu::SourceOptions options;
  options.format = "csv";
  auto reader = warifu::open_records(file.path(), options);
  if (!reader) return 0;
  std::size_t entries = 0;
  while (const auto entry = (*reader)->next()) {
    if (++entries > size + 1 && size >= 2 && !(data[0] == 0x1F && data[1] == 0x8B)) std::abort();
    if (*entry ? (*entry)->id.empty() || (*entry)->place.empty() : entry->error().reason.empty()) std::abort();
  }
  return 0;
}
