#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/workspace.h"
#include "index/index.h"
#include "methods/method.h"
#include "search/searcher.h"
#include "segments/code_segment.h"
#include "segments/code_store.h"

namespace warifu {

// The folder with the codes of one modality, length and generation (a code store, segments/code_store.h):
// spaces/<name>/codes/<modality>-<bits>, of later generations <modality>-<bits>.g<generation>. A space is updated
// without touching the codes it has: folders of generations before the present one are never written again.
std::filesystem::path code_folder(const Workspace& workspace, std::string_view space, Modality modality,
                                  std::uint32_t bits, std::uint32_t generation = 1);

// Where programs before the code stores kept the same: one segment, <folder>.wcs. It is read as long as there is no
// folder, and becomes one when its codes change.
std::filesystem::path old_code_file(const std::filesystem::path& folder);

// The trained length `bits`, or the longest for 0. kInvalidArgument lists the lengths there are.
Result<CodeSpace> choose_bits(const SpaceInfo& info, std::uint32_t bits);

// The codes in the folders of generations 1 … space.generation, in this order; null where a generation has none.
// kIncompatible (with the command that mends it) when they were made by another model than the space's.
Result<std::vector<std::unique_ptr<CodeSegment>>> load_generations(const Workspace& workspace, const CodeSpace& space,
                                                                   Modality modality);

// Codes as indexed, or a null pointer where nothing of that modality is. Of an item with codes of several generations
// the latest counts; of one that is gone (see below) no earlier one. Errors of load_generations.
Result<std::unique_ptr<CodeSegment>> load_codes(const Workspace& workspace, const CodeSpace& space, Modality modality);

// The same to be searched; files are mapped, not read, unless codes of several generations have to be put together.
Result<std::shared_ptr<const Index>> open_index(const Workspace& workspace, const CodeSpace& space, Modality modality);

// Over all that is indexed of the space, for queries that are encoded already. Errors of open_index.
Result<std::unique_ptr<Searcher>> open_searcher(const Workspace& workspace, const CodeSpace& space);

// Changes the codes of space.generation: those of `added` are put, of other rows only those of `kept` stay. What was
// there and cannot be read is replaced.
Result<void> save_codes(const Workspace& workspace, const CodeSegment& added, std::span<const ItemRow> kept);
// The same where all other rows stay: what cannot be read is an error, that of load_generations, and stays too.
Result<void> add_codes(const Workspace& workspace, const CodeSegment& added);

// The store of space.generation, held open to be changed; made where there is none. What another model made is
// replaced; what is damaged is set aside and named "<folder>.damaged". Also errors of CodeStore::open.
Result<std::unique_ptr<CodeStore>> open_code_store(const Workspace& workspace, const CodeSpace& space,
                                                   Modality modality);

// Bytes of all code folders and files of a space.
std::uint64_t code_bytes(const Workspace& workspace, std::string_view space);

// --- what the code files of a space were made from: codes/state.json ---

// Written after the codes. After a crash between two folders the next run finds rows that are missing or newer
// than this, and encodes those anew.
struct IndexState {
  std::string fingerprint;
  // Of each generation's codes the value of the catalog's change counter that they are up to date with.
  std::map<std::uint32_t, std::int64_t> revisions;
  // Items that lost the modality, or whose content can no longer be encoded, and the generation from which on they
  // have a code again: those of earlier generations are passed over.
  std::map<std::string, std::map<ItemRow, std::uint32_t>> gone;

  std::int64_t revision_of(std::uint32_t generation) const;
};

// An empty state where there is none, it cannot be read, or it is of another model: then everything is encoded anew.
IndexState read_index_state(const Workspace& workspace, const CodeSpace& space);
Result<void> write_index_state(const Workspace& workspace, std::string_view space, const IndexState& state);

}  // namespace warifu
