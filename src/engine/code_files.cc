#include "engine/code_files.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/join.h"
#include "index/flat_index.h"
#include "segments/code_store.h"
#include "segments/mapped_segment.h"

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

// The codes of one generation where they lie.
struct StoredCodes {
  CodeSpace space;
  Modality modality = Modality::kImage;
  std::vector<SegmentView> segments;
  std::shared_ptr<const void> owner;
};

Fail made_by_another_model(const std::filesystem::path& path, const CodeSpace& space) {
  return fail(ErrorCode::kIncompatible,
              path.string() + ": these codes were made by another model than the one in space '" + space.name + "'",
              space.generation > 1 ? std::string(kPutBack)
                                   : "run 'warifu index --space " + space.name + "' to encode the items anew");
}

Result<StoredCodes> open_old_file(const std::filesystem::path& path, const CodeSpace& wanted, Modality modality) {
  auto segment = MappedSegment::open(path, SegmentCheck::kWhole);
  if (!segment) return std::unexpected(segment.error());
  if ((*segment)->space() != wanted || (*segment)->modality() != modality) return made_by_another_model(path, wanted);
  const SegmentView view{(*segment)->codes(), (*segment)->rows(), nullptr, (*segment)->count()};
  return StoredCodes{wanted, modality, {view}, *segment};
}

Result<StoredCodes> open_folder(const std::filesystem::path& folder, const CodeSpace& wanted, Modality modality) {
  const auto there = code_store_space(folder);
  if (!there && there.error().code == ErrorCode::kNotFound)
    return fail(ErrorCode::kBadFormat, folder.string() + ": its manifest is missing", "run 'warifu doctor'");
  if (!there) return std::unexpected(there.error());
  if (there->space != wanted || there->modality != modality) return made_by_another_model(folder, wanted);
  auto snapshot = load_code_snapshot(folder, wanted, modality);
  if (!snapshot) return std::unexpected(snapshot.error());
  const auto segments = (*snapshot)->segments();
  return StoredCodes{wanted, modality, {segments.begin(), segments.end()}, *snapshot};
}

// Null where the generation has no codes.
Result<std::unique_ptr<StoredCodes>> open_generation(const Workspace& workspace, const CodeSpace& space,
                                                     Modality modality, std::uint32_t generation) {
  const auto folder = code_folder(workspace, space.name, modality, space.bits, generation);
  const auto file = old_code_file(folder);
  std::error_code failure;
  const bool has_folder = std::filesystem::exists(folder, failure);
  if (!has_folder && !std::filesystem::exists(file, failure)) return nullptr;
  CodeSpace expected = space;
  expected.generation = generation;
  auto stored = has_folder ? open_folder(folder, expected, modality) : open_old_file(file, expected, modality);
  if (!stored && space.generation > 1 && stored.error().code == ErrorCode::kBadFormat)
    return fail(stored.error().code, stored.error().message, kPutBack);
  if (!stored) return std::unexpected(stored.error());
  return std::make_unique<StoredCodes>(std::move(*stored));
}

// In ascending rows, without the dead.
CodeSegment in_memory(const StoredCodes& stored) {
  std::vector<std::pair<ItemRow, std::pair<std::size_t, std::size_t>>> entries;  // row, segment and position
  for (std::size_t s = 0; s < stored.segments.size(); ++s)
    for (std::size_t i = 0; i < stored.segments[s].codes.count; ++i)
      if (stored.segments[s].is_live(i)) entries.push_back({stored.segments[s].rows[i], {s, i}});
  std::ranges::sort(entries);
  CodeSegment segment{stored.space, stored.modality, {}, CodeMatrix(entries.size(), stored.space.bits)};
  segment.rows.reserve(entries.size());
  for (const auto& [row, place] : entries) {
    const CodeMatrix code = unblock(stored.segments[place.first].codes, place.second, place.second + 1);
    std::ranges::copy(code.row(0), segment.codes.row(segment.rows.size()).begin());
    segment.rows.push_back(row);
  }
  return segment;
}

// So many codes are put at once.
constexpr std::size_t kCodesOfAChange = std::size_t{1} << 14;

Result<void> put_all(CodeStore& store, const CodeSegment& codes) {
  for (std::size_t begin = 0; begin < codes.rows.size(); begin += kCodesOfAChange) {
    const std::size_t end = std::min(begin + kCodesOfAChange, codes.rows.size());
    const auto words = codes.codes.rows(begin, end);
    const CodeMatrix part(end - begin, codes.codes.bits(), std::vector(words.begin(), words.end()));
    if (auto put = store.put(std::span(codes.rows).subspan(begin, end - begin), part); !put) return put;
  }
  return {};
}

using OpenedStore = Result<std::unique_ptr<CodeStore>>;

// The store to be changed. What another model made is replaced; what is damaged is set aside, for somebody may want to
// look at it; what a later program wrote stays.
OpenedStore open_store(const std::filesystem::path& folder, const CodeSpace& space, Modality modality) {
  std::error_code failure;
  std::filesystem::create_directories(folder.parent_path(), failure);
  if (failure) return fail(ErrorCode::kIo, folder.parent_path().string() + ": " + failure.message());
  const auto there = code_store_space(folder);
  if (there && (there->space != space || there->modality != modality)) {
    std::filesystem::remove_all(folder, failure);
  } else {
    auto store = CodeStore::open(folder, space, modality);
    if (store || store.error().code != ErrorCode::kBadFormat) return store;
    const std::filesystem::path aside = folder.string() + ".damaged";
    std::filesystem::remove_all(aside, failure);
    std::filesystem::rename(folder, aside, failure);
  }
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  return CodeStore::open(folder, space, modality);
}

// Makes the one file of an older program a store, in one step: as long as there is no folder, the file counts.
Result<void> convert_old_file(const std::filesystem::path& file, const std::filesystem::path& folder,
                              const CodeSpace& space, Modality modality) {
  std::error_code failure;
  if (std::filesystem::exists(folder, failure) || !std::filesystem::exists(file, failure)) return {};
  const auto old = read_code_segment(file);
  if (!old && old.error().code != ErrorCode::kBadFormat) return std::unexpected(old.error());
  if (!old || old->space != space || old->modality != modality) return {};
  const std::filesystem::path made = folder.string() + ".new";
  std::filesystem::remove_all(made, failure);
  {
    const auto store = CodeStore::open(made, space, modality);
    if (!store) return std::unexpected(store.error());
    if (auto put = put_all(**store, *old); !put) return put;
    if (auto flushed = (*store)->flush(); !flushed) return flushed;
  }
  std::filesystem::rename(made, folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  return {};
}

// Adds codes to those of a store and removes the given rows. What was written before there were stores is taken over.
Result<void> change_codes(const Workspace& workspace, const CodeSegment& added,
                          const std::function<std::vector<ItemRow>(const CodeSnapshot&)>& gone_of) {
  const CodeSpace& space = added.space;
  auto store = open_code_store(workspace, space, added.modality);
  if (!store) return std::unexpected(store.error());
  const std::vector<ItemRow> gone = gone_of(*(*store)->snapshot());
  if (auto put = put_all(**store, added); !put) return put;
  if (!gone.empty())
    if (auto removed = (*store)->remove(gone); !removed) return removed;
  if (auto flushed = (*store)->flush(); !flushed) return flushed;
  const CodeStoreStats stats = (*store)->stats();
  if (stats.dead > stats.codes / 4 || stats.segments > 8)
    if (auto compacted = (*store)->compact(); !compacted) return compacted;
  std::error_code failure;
  std::filesystem::remove(
      old_code_file(code_folder(workspace, space.name, added.modality, space.bits, space.generation)), failure);
  return {};
}

}  // namespace

std::filesystem::path code_folder(const Workspace& workspace, std::string_view space, Modality modality,
                                  std::uint32_t bits, std::uint32_t generation) {
  std::string name = std::string(modality_name(modality)) + "-" + std::to_string(bits);
  if (generation > 1) name += ".g" + std::to_string(generation);
  return workspace.space_folder(space) / "codes" / name;
}

Result<std::unique_ptr<CodeStore>> open_code_store(const Workspace& workspace, const CodeSpace& space,
                                                   Modality modality) {
  const auto folder = code_folder(workspace, space.name, modality, space.bits, space.generation);
  if (auto converted = convert_old_file(old_code_file(folder), folder, space, modality); !converted)
    return std::unexpected(converted.error());
  return open_store(folder, space, modality);
}

std::filesystem::path old_code_file(const std::filesystem::path& folder) { return folder.string() + ".wcs"; }

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
    const auto stored = open_generation(workspace, space, modality, generation);
    if (!stored) return std::unexpected(stored.error());
    if (*stored) generations[generation - 1] = std::make_unique<CodeSegment>(in_memory(**stored));
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

Result<std::unique_ptr<Searcher>> open_searcher(const Workspace& workspace, const CodeSpace& space) {
  auto images = open_index(workspace, space, Modality::kImage);
  if (!images) return std::unexpected(images.error());
  auto texts = open_index(workspace, space, Modality::kText);
  if (!texts) return std::unexpected(texts.error());
  auto boths = open_index(workspace, space, Modality::kBoth);
  if (!boths) return std::unexpected(boths.error());
  return std::make_unique<Searcher>(space, nullptr, std::move(*images), std::move(*texts), std::move(*boths));
}

Result<std::shared_ptr<const Index>> open_index(const Workspace& workspace, const CodeSpace& space, Modality modality) {
  if (space.generation > 1) {
    auto codes = load_codes(workspace, space, modality);
    if (!codes) return std::unexpected(codes.error());
    return *codes ? std::shared_ptr<const Index>(make_flat_index(std::move(**codes))) : nullptr;
  }
  auto stored = open_generation(workspace, space, modality, 1);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return nullptr;
  return std::shared_ptr<const Index>(
      make_flat_index(space, modality, std::move((*stored)->segments), std::move((*stored)->owner)));
}

Result<void> add_codes(const Workspace& workspace, const CodeSegment& added) {
  // Codes that cannot be read are not to be replaced by these few.
  const auto there = open_generation(workspace, added.space, added.modality, added.space.generation);
  if (!there) return std::unexpected(there.error());
  return change_codes(workspace, added, [](const CodeSnapshot&) { return std::vector<ItemRow>(); });
}

Result<void> save_codes(const Workspace& workspace, const CodeSegment& added, std::span<const ItemRow> kept) {
  return change_codes(workspace, added, [&](const CodeSnapshot& snapshot) {
    std::vector<ItemRow> gone;
    for (const SegmentView& segment : snapshot.segments())
      for (std::size_t i = 0; i < segment.codes.count; ++i)
        if (segment.is_live(i) && !std::ranges::binary_search(kept, segment.rows[i]) &&
            !std::ranges::binary_search(added.rows, segment.rows[i]))
          gone.push_back(segment.rows[i]);
    return gone;
  });
}

std::uint64_t code_bytes(const Workspace& workspace, std::string_view space) {
  std::uint64_t bytes = 0;
  std::error_code failure;
  const auto folder = workspace.space_folder(space) / "codes";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, failure))
    if (entry.is_regular_file(failure) && entry.path().filename() != "state.json") bytes += entry.file_size(failure);
  return bytes;
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
