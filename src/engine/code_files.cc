#include "engine/code_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/join.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxStateBytes = std::size_t{256} << 20;

std::filesystem::path state_file(const Workspace& workspace, std::string_view space) {
  return workspace.space_folder(space) / "codes" / "state.json";
}

bool is_gone(const std::map<ItemRow, std::uint32_t>& gone, ItemRow row, std::uint32_t generation) {
  const auto found = gone.find(row);
  return found != gone.end() && generation < found->second;
}

// In an updated space 'warifu index' would not give the items the codes they had.
constexpr const char* kPutBack =
    "put the file back from a copy; without it (remove it) its items get codes of the present model";

}  // namespace

std::filesystem::path code_file(const Workspace& workspace, std::string_view space, Modality modality,
                                std::uint32_t bits, std::uint32_t generation) {
  std::string name = std::string(modality_name(modality)) + "-" + std::to_string(bits);
  if (generation > 1) name += ".g" + std::to_string(generation);
  return workspace.space_folder(space) / "codes" / (name + ".wcs");
}

Result<CodeSpace> choose_bits(const SpaceInfo& info, std::uint32_t bits) {
  for (const CodeSpace& space : info.spaces)
    if (space.bits == bits) return space;
  if (bits == 0) return info.spaces.back();
  return fail(ErrorCode::kInvalidArgument,
              "space '" + info.spaces.back().name + "' has no codes of " + std::to_string(bits) + " bits",
              "it has " + join(info.spaces, [](const CodeSpace& space) { return std::to_string(space.bits); }));
}

Result<std::vector<std::unique_ptr<CodeSegment>>> load_generations(const Workspace& workspace, const CodeSpace& space,
                                                                   Modality modality) {
  std::vector<std::unique_ptr<CodeSegment>> generations(space.generation);
  for (std::uint32_t generation = 1; generation <= space.generation; ++generation) {
    const auto path = code_file(workspace, space.name, modality, space.bits, generation);
    std::error_code failure;
    if (!std::filesystem::exists(path, failure)) continue;
    auto segment = read_code_segment(path);
    if (!segment && space.generation == 1) return std::unexpected(segment.error());
    if (!segment) return fail(segment.error().code, segment.error().message, kPutBack);
    CodeSpace expected = space;
    expected.generation = generation;
    if (segment->space != expected)
      return fail(ErrorCode::kIncompatible,
                  path.string() + ": these codes were made by another model than the one in space '" + space.name + "'",
                  space.generation > 1 ? std::string(kPutBack)
                                       : "run 'warifu index --space " + space.name + "' to encode the items anew");
    generations[generation - 1] = std::make_unique<CodeSegment>(std::move(*segment));
  }
  return generations;
}

Result<std::unique_ptr<CodeSegment>> load_codes(const Workspace& workspace, const CodeSpace& space, Modality modality) {
  auto generations = load_generations(workspace, space, modality);
  if (!generations) return std::unexpected(generations.error());
  if (space.generation == 1) return std::move(generations->front());
  const IndexState state = read_index_state(workspace, space);
  const auto found = state.gone.find(modality_name(modality));
  const std::map<ItemRow, std::uint32_t> none;
  const auto& gone = found == state.gone.end() ? none : found->second;
  std::map<ItemRow, std::span<const std::uint64_t>> latest;
  for (std::uint32_t generation = 1; generation <= space.generation; ++generation) {
    const auto& segment = (*generations)[generation - 1];
    for (std::size_t i = 0; segment && i < segment->rows.size(); ++i)
      if (!is_gone(gone, segment->rows[i], generation))
        latest.insert_or_assign(segment->rows[i], segment->codes.row(i));
  }
  if (latest.empty()) return nullptr;
  auto merged = std::make_unique<CodeSegment>(CodeSegment{space, modality, {}, CodeMatrix(latest.size(), space.bits)});
  for (const auto& [row, code] : latest) {
    std::ranges::copy(code, merged->codes.row(merged->rows.size()).begin());
    merged->rows.push_back(row);
  }
  return merged;
}

std::int64_t IndexState::revision_of(std::uint32_t generation) const {
  const auto found = revisions.find(generation);
  return found == revisions.end() ? 0 : found->second;
}

IndexState read_index_state(const Workspace& workspace, const CodeSpace& space) {
  const auto text = read_text_file(state_file(workspace, space.name), kMaxStateBytes);
  if (!text) return {};
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return {};
  try {
    IndexState state;
    state.fingerprint = json.value("fingerprint", "");
    if (state.fingerprint != space.fingerprint) return {};
    state.revisions[1] = json.value("revision", std::int64_t{0});
    if (json.contains("generations"))
      for (const auto& entry : json.at("generations"))
        state.revisions[entry.at(0).get<std::uint32_t>()] = entry.at(1).get<std::int64_t>();
    if (json.contains("gone"))
      for (const auto& [modality, entries] : json.at("gone").items())
        for (const auto& entry : entries)
          state.gone[modality][entry.at(0).get<ItemRow>()] = entry.at(1).get<std::uint32_t>();
    return state;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

Result<void> write_index_state(const Workspace& workspace, std::string_view space, const IndexState& state) {
  nlohmann::json json = {{"fingerprint", state.fingerprint}, {"revision", state.revision_of(1)}};
  for (const auto& [generation, revision] : state.revisions)
    if (generation > 1) json["generations"].push_back({generation, revision});
  for (const auto& [modality, entries] : state.gone)
    for (const auto& [row, generation] : entries) json["gone"][modality].push_back({row, generation});
  return write_file_atomically(state_file(workspace, space), json.dump() + "\n");
}

}  // namespace warifu
