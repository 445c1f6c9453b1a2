#include "engine/index_items.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "base/file.h"
#include "engine/code_files.h"
#include "engine/encode_items.h"

namespace warifu {
namespace {

constexpr std::size_t kChunk = 512;  // items encoded between two looks at the progress bar

// What the code files of a space were made from; written after them. After a crash between two files the
// next run finds rows that are missing or newer than this, and encodes those anew.
struct IndexState {
  std::string fingerprint;
  std::int64_t revision = 0;  // the catalog's change counter the codes are up to date with
};

std::filesystem::path state_file(const Workspace& workspace, std::string_view space) {
  return workspace.space_folder(space) / "codes" / "state.json";
}

IndexState read_state(const std::filesystem::path& path) {
  const auto text = read_text_file(path, 1 << 16);
  if (!text) return {};
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return {};
  return {json.value("fingerprint", ""), json.value("revision", std::int64_t{0})};
}

Result<void> write_state(const std::filesystem::path& path, const IndexState& state) {
  return write_file_atomically(
      path, nlohmann::json{{"fingerprint", state.fingerprint}, {"revision", state.revision}}.dump() + "\n");
}

// The codes of one modality at all lengths, growing by chunks and merged with what was there.
class ModalityCodes {
 public:
  ModalityCodes(std::vector<CodeSpace> spaces, Modality modality) : modality_(modality) {
    for (CodeSpace& space : spaces) {
      const auto bits = space.bits;
      made_.push_back({std::move(space), modality, {}, CodeMatrix(0, bits)});
    }
  }

  void add(std::span<const ItemRow> rows, const std::vector<CodeMatrix>& codes) {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      made_[i].rows.insert(made_[i].rows.end(), rows.begin(), rows.end());
      made_[i].codes.append(codes[i]);
    }
  }

  std::size_t added() const { return made_.front().rows.size(); }
  Modality modality() const { return modality_; }

  // The codes made now and those of `fresh` rows from old (old[i] may be null), in ascending row order.
  std::vector<CodeSegment> merged(const std::vector<std::unique_ptr<CodeSegment>>& old,
                                  std::span<const ItemRow> fresh) const {
    std::vector<CodeSegment> result;
    for (std::size_t i = 0; i < made_.size(); ++i) result.push_back(merge(made_[i], old[i].get(), fresh));
    return result;
  }

 private:
  static CodeSegment merge(const CodeSegment& made, const CodeSegment* old, std::span<const ItemRow> fresh) {
    std::vector<std::pair<ItemRow, std::span<const std::uint64_t>>> entries;
    for (std::size_t i = 0; i < made.rows.size(); ++i) entries.emplace_back(made.rows[i], made.codes.row(i));
    if (old)
      for (std::size_t i = 0; i < old->rows.size(); ++i)
        if (std::ranges::binary_search(fresh, old->rows[i])) entries.emplace_back(old->rows[i], old->codes.row(i));
    std::ranges::sort(entries, {}, [](const auto& entry) { return entry.first; });
    CodeSegment segment{made.space, made.modality, {}, CodeMatrix(entries.size(), made.space.bits)};
    for (std::size_t i = 0; i < entries.size(); ++i) {
      segment.rows.push_back(entries[i].first);
      std::ranges::copy(entries[i].second, segment.codes.row(i).begin());
    }
    return segment;
  }

  Modality modality_;
  std::vector<CodeSegment> made_;
};

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
    const auto state_path = state_file(workspace_, name);
    std::error_code failure;
    std::filesystem::create_directories(state_path.parent_path(), failure);
    if (failure) return fail(ErrorCode::kIo, state_path.parent_path().string() + ": " + failure.message());
    IndexState state = read_state(state_path);
    if (state.fingerprint != info_.spaces.front().fingerprint) state = {info_.spaces.front().fingerprint, 0};

    report_.space = name;
    for (const CodeSpace& space : info_.spaces) report_.bits.push_back(space.bits);
    for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth})
      if (auto done = index_modality(*items, modality, state); !done) return std::unexpected(done.error());
    state.revision = revision;
    if (auto written = write_state(state_path, state); !written) return std::unexpected(written.error());
    for (const auto& entry : std::filesystem::directory_iterator(state_path.parent_path(), failure))
      if (entry.path().extension() == ".wcs") report_.bytes += entry.file_size(failure);
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return std::move(report_);
  }

 private:
  bool wants_pairs() const { return encoder_.encoder().caveat() == kPairedInput; }

  // The codes that are there and still good; null where there are none or another model made them.
  std::vector<std::unique_ptr<CodeSegment>> old_codes(Modality modality, const IndexState& state) const {
    std::vector<std::unique_ptr<CodeSegment>> old(info_.spaces.size());
    if (state.revision == 0) return old;
    for (std::size_t i = 0; i < old.size(); ++i)
      if (auto loaded = load_codes(workspace_, info_.spaces[i], modality)) old[i] = std::move(*loaded);
    return old;
  }

  Result<void> index_modality(const std::vector<Item>& items, Modality modality, const IndexState& state) {
    auto old = old_codes(modality, state);
    std::vector<Item> stale;
    std::vector<ItemRow> fresh;
    for (const Item& item : items) {
      if (!encoder_.has(item, modality)) continue;
      const bool is_fresh = item.revision <= state.revision && std::ranges::all_of(old, [&](const auto& segment) {
                              return segment && std::ranges::binary_search(segment->rows, item.row);
                            });
      if (is_fresh) {
        fresh.push_back(item.row);
      } else {
        stale.push_back(item);
      }
    }
    // Codes that depend on the others of a call are made together or not at all.
    const bool fewer =
        std::ranges::any_of(old, [&](const auto& segment) { return segment && segment->rows.size() != fresh.size(); });
    if (wants_pairs() && (fewer || !stale.empty())) {
      stale.clear();
      fresh.clear();
      std::ranges::copy_if(items, std::back_inserter(stale),
                           [&](const Item& item) { return encoder_.has(item, modality); });
    }
    ModalityCodes codes(info_.spaces, modality);
    if (auto encoded = encode(stale, codes); !encoded) return encoded;
    return save(codes, old, fresh);
  }

  Result<void> encode(const std::vector<Item>& stale, ModalityCodes& codes) {
    const std::string stage = std::string("indexing ") + modality_name(codes.modality());
    for (std::size_t begin = 0; begin < stale.size(); begin += kChunk) {
      const std::span chunk = std::span(stale).subspan(begin, std::min(kChunk, stale.size() - begin));
      if (auto encoded = encode_chunk(chunk, codes); !encoded) return encoded;
      progress_.advance(stage, begin + chunk.size(), stale.size());
      if (progress_.stop_requested())
        return fail(ErrorCode::kUnavailable, "stopped on request", "the same command starts this again");
    }
    return {};
  }

  Result<void> encode_chunk(std::span<const Item> chunk, ModalityCodes& codes) {
    const auto made = encoder_.encode(chunk, codes.modality(), quiet_);
    if (!made) return std::unexpected(made.error());
    // Each broken half once: codes that need both meet it again.
    if (codes.modality() != Modality::kBoth)
      for (const auto& [position, error] : made->failed)
        report_.failed.push_back({chunk[position].id, error.message, error.hint});
    std::vector<ItemRow> rows;
    for (const std::size_t position : made->positions) rows.push_back(chunk[position].row);
    codes.add(rows, made->codes);
    return {};
  }

  Result<void> save(const ModalityCodes& codes, const std::vector<std::unique_ptr<CodeSegment>>& old,
                    const std::vector<ItemRow>& fresh) {
    const std::string name = modality_name(codes.modality());
    report_.encoded[name] = codes.added();
    report_.codes[name] = codes.added() + fresh.size();
    const bool changed = codes.added() > 0 || (old.front() && old.front()->rows.size() != fresh.size());
    if (!changed) return {};
    for (const CodeSegment& segment : codes.merged(old, fresh)) {
      const auto path = code_file(workspace_, report_.space, codes.modality(), segment.space.bits);
      if (auto written = write_code_segment(path, segment); !written) return written;
    }
    return {};
  }

  Workspace& workspace_;
  SpaceInfo info_;
  ItemEncoder encoder_;
  ProgressSink& progress_;
  SilentProgress quiet_;
  IndexReport report_;
};

}  // namespace

Result<IndexReport> index_items(Workspace& workspace, const std::string& space, ProgressSink& progress) {
  if (auto there = workspace.require_space(space); !there) return std::unexpected(there.error());
  // First of all: what an ingest changes from here on is encoded again by the next run.
  const auto revision = workspace.catalog().last_revision();
  if (!revision) return std::unexpected(revision.error());
  auto encoder = ItemEncoder::open(workspace, space);
  if (!encoder) return std::unexpected(encoder.error());
  return Indexing(workspace, std::move(*encoder), progress).run(*revision);
}

}  // namespace warifu
