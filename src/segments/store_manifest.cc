#include "segments/store_manifest.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "codes/code_matrix.h"
#include "segments/store_bytes.h"
#include "segments/store_names.h"

namespace warifu {
namespace {

constexpr std::string_view kMagic = "WARIFUCM";
constexpr std::size_t kMaxNameBytes = 4096;
constexpr std::size_t kSegmentEntryBytes = 32;
constexpr std::size_t kDeletesEntryBytes = 16;

// The file's numbers for modalities; they outlive the order of the enum.
constexpr std::array kModalities = {Modality::kImage, Modality::kText, Modality::kBoth};

Fail bad(std::string message) { return damaged_store("manifest: " + std::move(message)); }

Result<void> parse_space(StoreBytesReader& reader, StoreManifest& manifest) {
  manifest.space.bits = reader.take<std::uint32_t>();
  manifest.space.generation = reader.take<std::uint32_t>();
  const auto modality = reader.take<std::uint32_t>();
  std::array<std::uint32_t, 3> lengths{};
  for (std::uint32_t& length : lengths) {
    length = reader.take<std::uint32_t>();
    if (length > kMaxNameBytes) return bad("a name of " + std::to_string(length) + " bytes");
  }
  manifest.space.name = reader.take_text(lengths[0]);
  manifest.space.method = reader.take_text(lengths[1]);
  manifest.space.fingerprint = reader.take_text(lengths[2]);
  reader.skip_padding();
  if (!reader.ok()) return bad("the names of its space do not fit");
  if (manifest.space.bits == 0 || manifest.space.bits > kMaxCodeBits)
    return bad("codes of " + std::to_string(manifest.space.bits) + " bits");
  if (modality >= kModalities.size()) return bad("modality " + std::to_string(modality));
  manifest.modality = kModalities[modality];
  return {};
}

Result<void> parse_lists(StoreBytesReader& reader, StoreManifest& manifest) {
  const auto segments = reader.take<std::uint32_t>();
  const auto deletes = reader.take<std::uint32_t>();
  // Lengths first, so that no hostile count makes memory.
  if (!reader.ok() || segments > reader.left() / kSegmentEntryBytes || deletes > reader.left() / kDeletesEntryBytes ||
      segments * kSegmentEntryBytes + deletes * kDeletesEntryBytes != reader.left())
    return bad("its lists do not fill it");
  for (std::uint32_t i = 0; i < segments; ++i) {
    StoredSegment segment;
    segment.number = reader.take<std::uint64_t>();
    segment.last_sequence = reader.take<std::uint64_t>();
    segment.count = reader.take<std::uint64_t>();
    segment.identity = reader.take<std::uint32_t>();
    if (reader.take<std::uint32_t>() != 0) return bad("a gap is not zero");
    manifest.segments.push_back(segment);
  }
  for (std::uint32_t i = 0; i < deletes; ++i) {
    StoredDeletes entry;
    entry.number = reader.take<std::uint64_t>();
    entry.identity = reader.take<std::uint32_t>();
    if (reader.take<std::uint32_t>() != 0) return bad("a gap is not zero");
    manifest.deletes.push_back(entry);
  }
  return {};
}

Result<void> check_rules(const StoreManifest& manifest) {
  std::vector<std::uint64_t> numbers = {manifest.log_number};
  std::uint64_t last_sequence = 0;
  for (const StoredSegment& segment : manifest.segments) {
    if (segment.last_sequence < last_sequence || segment.last_sequence >= manifest.first_sequence)
      return bad("segment " + std::to_string(segment.number) + " is out of order");
    last_sequence = segment.last_sequence;
    if (segment.count == 0) return bad("segment " + std::to_string(segment.number) + " is empty");
    numbers.push_back(segment.number);
  }
  for (const StoredDeletes& deletes : manifest.deletes) numbers.push_back(deletes.number);
  std::ranges::sort(numbers);
  if (std::ranges::adjacent_find(numbers) != numbers.end()) return bad("two files have one number");
  if (numbers.back() >= manifest.next_number) return bad("a file has a number that is not in use yet");
  if (std::max(manifest.next_number, manifest.first_sequence) > kStoreNumberEnd)
    return bad("a count that no store reaches");
  if (manifest.generation == 0 || manifest.first_sequence == 0) return bad("a count that begins at 1 is 0");
  return {};
}

}  // namespace

std::string StoredSegment::file_name() const { return segment_file_name(number, last_sequence); }

StoreIdentity store_identity(const CodeSpace& space, Modality modality) {
  std::string text;
  for (const std::string* part : {&space.name, &space.method, &space.fingerprint})
    text += std::to_string(part->size()) + ":" + *part;
  text += std::to_string(space.bits) + "," + std::to_string(space.generation) + "," + modality_name(modality);
  StoreIdentity identity{};
  std::ranges::copy(content_hash(text), identity.begin());
  return identity;
}

std::vector<std::byte> manifest_bytes(const StoreManifest& manifest) {
  StoreBytesWriter writer;
  writer.begin(kMagic);
  for (const std::uint64_t number :
       {manifest.generation, manifest.next_number, manifest.log_number, manifest.first_sequence})
    writer.put(number);
  writer.put(manifest.space.bits);
  writer.put(manifest.space.generation);
  writer.put(static_cast<std::uint32_t>(std::ranges::find(kModalities, manifest.modality) - kModalities.begin()));
  const std::array names = {&manifest.space.name, &manifest.space.method, &manifest.space.fingerprint};
  for (const std::string* name : names) writer.put(static_cast<std::uint32_t>(name->size()));
  for (const std::string* name : names) writer.put(std::string_view(*name));
  writer.pad();
  writer.put(static_cast<std::uint32_t>(manifest.segments.size()));
  writer.put(static_cast<std::uint32_t>(manifest.deletes.size()));
  for (const StoredSegment& segment : manifest.segments) {
    for (const std::uint64_t number : {segment.number, segment.last_sequence, segment.count}) writer.put(number);
    writer.put(segment.identity);
    writer.put(std::uint32_t{0});
  }
  for (const StoredDeletes& deletes : manifest.deletes) {
    writer.put(deletes.number);
    writer.put(deletes.identity);
    writer.put(std::uint32_t{0});
  }
  return writer.close();
}

Result<StoreManifest> parse_manifest(std::span<const std::byte> bytes) {
  auto reader = open_store_bytes(bytes, kMagic, "manifest");
  if (!reader) return std::unexpected(reader.error());
  StoreManifest manifest;
  manifest.generation = reader->take<std::uint64_t>();
  manifest.next_number = reader->take<std::uint64_t>();
  manifest.log_number = reader->take<std::uint64_t>();
  manifest.first_sequence = reader->take<std::uint64_t>();
  if (auto ok = parse_space(*reader, manifest); !ok) return std::unexpected(ok.error());
  if (auto ok = parse_lists(*reader, manifest); !ok) return std::unexpected(ok.error());
  if (auto ok = check_rules(manifest); !ok) return std::unexpected(ok.error());
  return manifest;
}

}  // namespace warifu
