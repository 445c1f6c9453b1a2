// Attacks the readers of a code store's manifest and deletes (docs/reference/formats/code-store.md). A checksum stops
// nearly every mutation at the door, so each input is also tried with its checksum made right, as a forger would;
// what is then accepted must be written back to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "base/hash.h"
#include "segments/store_deletes.h"
#include "segments/store_manifest.h"

namespace {

using Bytes = std::vector<std::byte>;

void repair_checksum(Bytes& bytes) {
  if (bytes.size() < 4) return;
  const std::uint32_t crc = warifu::crc32c(std::span(bytes).first(bytes.size() - 4));
  std::memcpy(bytes.data() + bytes.size() - 4, &crc, sizeof crc);
}

void read_and_write_back(const Bytes& bytes) {
  if (const auto manifest = warifu::parse_manifest(bytes))
    if (warifu::manifest_bytes(*manifest) != bytes) std::abort();
  // The identity of the input itself, or no deletes would pass.
  warifu::StoreIdentity identity{};
  if (bytes.size() >= 16 + identity.size()) std::memcpy(identity.data(), bytes.data() + 16, identity.size());
  if (const auto deletes = warifu::parse_deletes(bytes, identity))
    if (warifu::deletes_bytes(identity, *deletes) != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  Bytes bytes(input.begin(), input.end());
  read_and_write_back(bytes);
  repair_checksum(bytes);
  read_and_write_back(bytes);
  return 0;
}
