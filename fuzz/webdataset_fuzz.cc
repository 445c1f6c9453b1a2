// WebDataset archives: every input ends, and every record keeps the promises of open_records().
#include <cstdlib>

#include "io/record.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  warifu::SourceOptions options;
  options.format = "webdataset";
  auto reader = warifu::open_records(file.path(), options);
  if (!reader) return 0;
  while (const auto entry = (*reader)->next()) {
    if (!*entry && entry->error().reason.empty()) std::abort();
    if (*entry && (*entry)->id.empty()) std::abort();
    if (*entry && (*entry)->image_bytes.empty() != (*entry)->image_uri.empty() && !(*entry)->image_bytes.empty())
      std::abort();  // a picture that cannot be named again
  }
  return 0;
}
