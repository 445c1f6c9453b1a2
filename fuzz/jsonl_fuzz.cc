// JSON Lines: every input ends, and every record keeps the promises of open_records().
#include <cstdlib>

#include "io/record.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  warifu::SourceOptions options;
  options.format = "jsonl";
  options.label_columns = {"type"};
  auto reader = warifu::open_records(file.path(), options);
  if (!reader) return 0;
  while (const auto entry = (*reader)->next()) {
    if (!*entry) {
      if (entry->error().reason.empty()) std::abort();
      continue;
    }
    for (const warifu::Label& label : (*entry)->labels)
      if (label.value.empty()) std::abort();
    if ((*entry)->id.empty()) std::abort();
  }
  return 0;
}
