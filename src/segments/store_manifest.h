#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "codes/code_space.h"

// What a code store consists of at one moment, in the file that says so: docs/reference/formats/code-store.md.
// Internal to segments/.
namespace warifu {

// Names a space and a modality in logs and deletes: content_hash of all that makes two of them differ.
using StoreIdentity = std::array<char, 32>;
StoreIdentity store_identity(const CodeSpace& space, Modality modality);

struct StoredSegment {
  std::uint64_t number = 0;
  std::uint64_t last_sequence = 0;  // the newest change of the log that is in it
  std::uint64_t count = 0;
  std::uint32_t identity = 0;  // the checksum in its header, which covers those of its sections

  std::string file_name() const;
  bool operator==(const StoredSegment&) const = default;
};

struct StoredDeletes {
  std::uint64_t number = 0;
  std::uint32_t identity = 0;  // the checksum at its end

  bool operator==(const StoredDeletes&) const = default;
};

struct StoreManifest {
  CodeSpace space;
  Modality modality = Modality::kImage;
  std::uint64_t generation = 1;           // counts the manifests of this store
  std::uint64_t next_number = 1;          // of the next file; above all numbers in use
  std::uint64_t log_number = 0;           // of the only log that is read
  std::uint64_t first_sequence = 1;       // of that log's first change: all before lie in segments and deletes
  std::vector<StoredSegment> segments{};  // oldest first: last_sequence ascends (it may repeat)
  std::vector<StoredDeletes> deletes{};   // oldest first

  bool operator==(const StoreManifest&) const = default;
};

std::vector<std::byte> manifest_bytes(const StoreManifest& manifest);

// `bytes` is the whole file and hostile. kBadFormat, or kIncompatible for a newer version.
Result<StoreManifest> parse_manifest(std::span<const std::byte> bytes);

}  // namespace warifu
