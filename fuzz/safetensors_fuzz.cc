// safetensors: a file that is accepted has no tensor beyond its bytes, and each has the values that its
// shape promises.
#include <cstdlib>

#include "io/safetensors.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile input(data, size);
  const auto file = warifu::open_safetensors(input.path());
  if (!file) return 0;
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : (*file)->tensors()) {
    bytes += tensor.bytes.size();
    const auto values = warifu::to_floats(tensor);
    if (!values) continue;
    std::size_t count = 1;
    for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    if (values->size() != count) std::abort();
  }
  if (bytes > size) std::abort();
  return 0;
}
