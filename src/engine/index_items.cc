#include "engine/index_items.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "engine/code_files.h"
#include "engine/encode_items.h"

namespace warifu {
namespace {

class Indexing {
 public:
  Indexing(Workspace& workspace, ItemEncoder encoder, ProgressSink& progress)
      : workspace_(workspace), info_(encoder.info()), encoder_(std::move(encoder)), progress_(progress) {}

  // `revision`: the catalog's before its items and features were looked at.
  Result<IndexReport> run(std::int64_t revision) {
    const auto started = std::chrono::steady_clock::now();
    const auto items = workspace_.catalog().all_items();
    if (!items) return std::unexpected(items.error());
    const std::string& name = info_.spaces.front().name;
    const auto folder = workspace_.space_folder(name) / "codes";
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
    state_ = read_index_state(workspace_, info_.spaces.front());
    state_.fingerprint = info_.spaces.front().fingerprint;

    report_.space = name;
    for (const CodeSpace& space : info_.spaces) report_.bits.push_back(space.bits);
    for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth})
      if (auto done = index_modality(*items, modality); !done) return std::unexpected(done.error());
    for (std::uint32_t made = 1; made <= generation(); ++made) state_.revisions[made] = revision;
    if (auto written = write_index_state(workspace_, name, state_); !written) return std::unexpected(written.error());
    report_.bytes = code_bytes(workspace_, name);
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return std::move(report_);
  }

 private:
  bool wants_pairs() const { return encoder_.encoder().caveat() == kPairedInput; }

  std::uint32_t generation() const { return info_.spaces.front().generation; }

  // The codes of one generation at all lengths; null where there are none or another model made them.
  using Segments = std::vector<std::unique_ptr<CodeSegment>>;

  // Of a space that was never updated codes that cannot be read are made anew. Those of earlier generations are not,
  // and to encode old items by the present model because of one that is damaged would change their codes: an error.
  Result<std::vector<Segments>> old_codes(Modality modality) const {
    std::vector<Segments> old(generation());
    for (Segments& segments : old) segments.resize(info_.spaces.size());
    for (std::size_t i = 0; i < info_.spaces.size(); ++i) {
      auto loaded = load_generations(workspace_, info_.spaces[i], modality);
      if (!loaded && generation() > 1) return std::unexpected(loaded.error());
      if (!loaded) continue;
      for (std::uint32_t made = 1; made <= generation(); ++made)
        if (state_.revision_of(made) > 0) old[made - 1][i] = std::move((*loaded)[made - 1]);
    }
    return old;
  }

  static bool holds(const Segments& segments, ItemRow row) {
    return std::ranges::all_of(
        segments, [&](const auto& segment) { return segment && std::ranges::binary_search(segment->rows, row); });
  }

  // Whether the item's code of the latest generation that has one is good: it was not taken from older content.
  bool is_coded(const Item& item, Modality modality, const std::vector<Segments>& old, std::uint32_t* where) const {
    for (std::uint32_t made = generation(); made >= 1; --made) {
      if (!holds(old[made - 1], item.row)) continue;
      *where = made;
      const auto gone = state_.gone.find(modality_name(modality));
      if (gone != state_.gone.end() && gone->second.contains(item.row) && made < gone->second.at(item.row))
        return false;
      return item.revision <= state_.revision_of(made);
    }
    return false;
  }

  Result<void> index_modality(const std::vector<Item>& items, Modality modality) {
    const auto loaded = old_codes(modality);
    if (!loaded) return std::unexpected(loaded.error());
    const auto& old = *loaded;
    std::vector<Item> stale;
    std::vector<ItemRow> fresh;    // of this generation
    std::vector<ItemRow> earlier;  // good codes of earlier generations, which stay as they are
    for (const Item& item : items) {
      if (!encoder_.has(item, modality)) continue;
      std::uint32_t where = 0;
      if (!is_coded(item, modality, old, &where)) {
        stale.push_back(item);
      } else {
        (where == generation() ? fresh : earlier).push_back(item.row);
      }
    }
    // Codes that depend on the others of a call are made together or not at all.
    const bool fewer = std::ranges::any_of(
        old.back(), [&](const auto& segment) { return segment && segment->rows.size() != fresh.size(); });
    if (wants_pairs() && (fewer || !stale.empty())) {
      stale.clear();
      fresh.clear();
      std::ranges::copy_if(items, std::back_inserter(stale),
                           [&](const Item& item) { return encoder_.has(item, modality); });
    }
    const auto codes =
        encoder_.encode_all(stale, modality, std::string("indexing ") + modality_name(modality), progress_);
    if (!codes) return std::unexpected(codes.error());
    report_.failed.insert(report_.failed.end(), codes->failed.begin(), codes->failed.end());
    if (auto saved = save(*codes, old.back(), fresh); !saved) return saved;
    report_.codes[modality_name(modality)] += earlier.size();
    note_gone(modality, old, earlier, fresh, *codes);
    return {};
  }

  // Codes of earlier generations are never written again: what no longer holds there is written down beside them.
  void note_gone(Modality modality, const std::vector<Segments>& old, const std::vector<ItemRow>& earlier,
                 const std::vector<ItemRow>& fresh, const ItemCodes& codes) {
    auto& gone = state_.gone[modality_name(modality)];
    for (std::uint32_t made = 1; made < generation(); ++made)
      for (const auto& segment : old[made - 1])
        for (std::size_t i = 0; segment && i < segment->rows.size(); ++i)
          if (!std::ranges::binary_search(earlier, segment->rows[i]) &&
              !std::ranges::binary_search(fresh, segment->rows[i]) && !codes.made(segment->rows[i]))
            gone[segment->rows[i]] = generation();
    if (gone.empty()) state_.gone.erase(modality_name(modality));
  }

  Result<void> save(const ItemCodes& codes, const Segments& old, const std::vector<ItemRow>& fresh) {
    const std::string name = modality_name(codes.segments.front().modality);
    const std::size_t added = codes.segments.front().rows.size();
    report_.encoded[name] = added;
    report_.codes[name] = added + fresh.size();
    const bool changed = added > 0 || (old.front() && old.front()->rows.size() != fresh.size());
    for (std::size_t i = 0; changed && i < codes.segments.size(); ++i)
      if (auto saved = save_codes(workspace_, codes.segments[i], fresh); !saved) return saved;
    return {};
  }

  Workspace& workspace_;
  SpaceInfo info_;
  ItemEncoder encoder_;
  ProgressSink& progress_;
  IndexState state_;
  IndexReport report_;
};

}  // namespace

Result<IndexReport> index_items(Workspace& workspace, const std::string& space, ProgressSink& progress) {
  if (auto there = workspace.require_space(space); !there) return std::unexpected(there.error());
  const auto lock = workspace.lock_space(space);
  if (!lock) return std::unexpected(lock.error());
  // First of all: what an ingest changes from here on is encoded again by the next run.
  const auto revision = workspace.catalog().last_revision();
  if (!revision) return std::unexpected(revision.error());
  auto encoder = ItemEncoder::open(workspace, space);
  if (!encoder) return std::unexpected(encoder.error());
  return Indexing(workspace, std::move(*encoder), progress).run(*revision);
}

}  // namespace warifu
