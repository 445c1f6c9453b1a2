#include "segments/store_deletes.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "segments/store_bytes.h"

namespace warifu {
namespace {

constexpr std::string_view kMagic = "WARIFUCD";

Result<DeletedPositions> parse_positions(StoreBytesReader& reader) {
  DeletedPositions deleted;
  deleted.segment = reader.take<std::uint64_t>();
  const auto count = reader.take<std::uint64_t>();
  if (!reader.ok() || count == 0 || count > reader.left() / sizeof(std::uint32_t))
    return damaged_store("deletes: " + std::to_string(count) + " positions do not fit");
  const auto bytes = reader.next(count * sizeof(std::uint32_t));
  reader.skip_padding();
  if (!reader.ok()) return damaged_store("deletes: a gap is not zero");
  deleted.positions.resize(count);
  std::memcpy(deleted.positions.data(), bytes.data(), bytes.size());
  if (std::ranges::adjacent_find(deleted.positions, std::greater_equal()) != deleted.positions.end())
    return damaged_store("deletes: positions of segment " + std::to_string(deleted.segment) + " do not ascend");
  return deleted;
}

}  // namespace

std::vector<std::byte> deletes_bytes(const StoreIdentity& identity, std::span<const DeletedPositions> deletes) {
  StoreBytesWriter writer;
  writer.begin(kMagic);
  writer.put(std::string_view(identity.data(), identity.size()));
  writer.put(std::uint64_t{deletes.size()});
  for (const DeletedPositions& deleted : deletes) {
    writer.put(deleted.segment);
    writer.put(std::uint64_t{deleted.positions.size()});
    for (const std::uint32_t position : deleted.positions) writer.put(position);
    writer.pad();
  }
  return writer.close();
}

Result<std::vector<DeletedPositions>> parse_deletes(std::span<const std::byte> bytes, const StoreIdentity& identity) {
  auto reader = open_store_bytes(bytes, kMagic, "deletes");
  if (!reader) return std::unexpected(reader.error());
  if (reader->take_text(identity.size()) != std::string_view(identity.data(), identity.size()))
    return damaged_store("deletes: they belong to another code space or modality");
  const auto count = reader->take<std::uint64_t>();
  std::vector<DeletedPositions> deletes;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto deleted = parse_positions(*reader);
    if (!deleted) return std::unexpected(deleted.error());
    deletes.push_back(std::move(*deleted));
  }
  if (!reader->ok() || reader->left() != 0) return damaged_store("deletes: their end is not where they end");
  return deletes;
}

}  // namespace warifu
