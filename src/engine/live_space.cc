#include "engine/live_space.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/index_items.h"
#include "index/flat_index.h"

namespace warifu {
namespace {

constexpr std::array kModalities = {Modality::kImage, Modality::kText, Modality::kBoth};
constexpr std::size_t kKeptFailures = 100;

}  // namespace

LiveSpace::LiveSpace(Workspace& workspace, WriteLock lock, ItemEncoder encoder, CodeSpace space)
    : workspace_(workspace), lock_(std::move(lock)), encoder_(std::move(encoder)), space_(std::move(space)) {}

LiveSpace::~LiveSpace() { static_cast<void>(note_state()); }

Result<std::unique_ptr<LiveSpace>> LiveSpace::open(Workspace& workspace, const std::string& name, std::uint32_t bits,
                                                   bool embeddings, ProgressSink& progress) {
  auto encoder = ItemEncoder::open(workspace, name);
  if (!encoder) return std::unexpected(encoder.error());
  if (!encoder->encoder().caveat().empty())
    return fail(ErrorCode::kIncompatible,
                "space '" + name + "' is for measuring only: its codes are made with " +
                    std::string(encoder->encoder().caveat()),
                "serve a space that was trained without --set mode=...");
  auto space = choose_bits(encoder->info(), bits);
  if (!space) return std::unexpected(space.error());
  // What an index run would have to do is done by one: also where codes are missing or damaged.
  if (const auto indexed = index_items(workspace, name, progress); !indexed) return std::unexpected(indexed.error());
  auto lock = workspace.lock_space(name);
  if (!lock) return std::unexpected(lock.error());
  auto live = std::unique_ptr<LiveSpace>(new LiveSpace(workspace, std::move(*lock), std::move(*encoder), *space));
  live->state_ = read_index_state(workspace, *space);
  live->state_.fingerprint = space->fingerprint;
  live->revision_ = live->state_.revision_of(space->generation);
  if (auto opened = live->open_stores(); !opened) return std::unexpected(opened.error());
  if (embeddings)
    if (auto filled = live->open_embeddings(progress); !filled) return std::unexpected(filled.error());
  // Later changes than `revision_` may be in it: they are taken over once more.
  const auto groups = workspace.catalog().item_groups();
  if (!groups) return std::unexpected(groups.error());
  if (auto published = live->publish(std::make_shared<VisibleItems>(*groups)); !published)
    return std::unexpected(published.error());
  return live;
}

Result<void> LiveSpace::open_stores() {
  for (const CodeSpace& space : encoder_.info().spaces)
    for (const Modality modality : kModalities)
      if (auto store = store_of(modality, space, false); !store) return std::unexpected(store.error());
  return {};
}

Result<LiveSpace::Store*> LiveSpace::store_of(Modality modality, const CodeSpace& space, bool create) {
  const auto key = std::pair(modality, space.bits);
  if (const auto found = stores_.find(key); found != stores_.end()) return &found->second;
  const auto folder = code_folder(workspace_, space.name, modality, space.bits, space.generation);
  std::error_code failure;
  if (!create && !std::filesystem::exists(folder, failure)) return nullptr;
  auto codes = open_code_store(workspace_, space, modality);
  if (!codes) return std::unexpected(codes.error());
  return &stores_.emplace(key, Store{modality, space, std::move(*codes)}).first->second;
}

Result<void> LiveSpace::open_embeddings(ProgressSink& progress) {
  if (encoder_.encoder().embedding_width() == 0)
    return fail(ErrorCode::kInvalidArgument, "the method of space '" + space_.name + "' keeps no real-valued embedding",
                "serve it without --rerank");
  auto embeddings = ItemEmbeddings::open(workspace_, encoder_.info());
  if (!embeddings) return std::unexpected(embeddings.error());
  embeddings_ = std::move(*embeddings);
  const auto items = workspace_.catalog().all_items();
  if (!items) return std::unexpected(items.error());
  return embeddings_->fill(encoder_, *items, progress);
}

std::shared_ptr<const LiveView> LiveSpace::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

Result<std::shared_ptr<const Index>> LiveSpace::index_of(Modality modality) {
  // Codes of several generations are put together anew: an updated space is searched from memory.
  if (space_.generation > 1) return open_index(workspace_, space_, modality);
  const auto store = store_of(modality, space_, false);
  if (!store) return std::unexpected(store.error());
  if (*store == nullptr) return nullptr;
  const auto snapshot = (*store)->codes->snapshot();
  const auto segments = snapshot->segments();
  return std::shared_ptr<const Index>(make_flat_index(space_, modality, {segments.begin(), segments.end()}, snapshot));
}

Result<void> LiveSpace::publish(std::shared_ptr<const VisibleItems> items) {
  std::array<std::shared_ptr<const Index>, kModalities.size()> indexes;
  for (std::size_t i = 0; i < kModalities.size(); ++i) {
    auto index = index_of(kModalities[i]);
    if (!index) return std::unexpected(index.error());
    indexes[i] = std::move(*index);
  }
  auto searcher = std::make_shared<const Searcher>(space_, nullptr, indexes[0], indexes[1], indexes[2]);
  auto view = std::make_shared<const LiveView>(LiveView{std::move(searcher), std::move(items), revision_});
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
  return {};
}

Result<bool> LiveSpace::catch_up(std::size_t limit) {
  auto changes = workspace_.catalog().changes_since(revision_);
  if (!changes) return std::unexpected(changes.error());
  if (changes->empty()) return false;
  const bool more = changes->size() > limit;
  if (more) changes->resize(limit);
  std::vector<ItemRow> rows;
  for (const ItemChange& change : *changes) {
    const auto found = ahead_.find(change.row);
    if (found != ahead_.end() && found->second >= change.revision) {
      ahead_.erase(found);
    } else {
      rows.push_back(change.row);
    }
  }
  const std::int64_t reached = changes->back().revision;
  if (!rows.empty())
    if (auto taken = take_over(rows); !taken) return std::unexpected(taken.error());
  for (const ItemRow row : rows) {
    const auto found = ahead_.find(row);
    if (found != ahead_.end() && found->second <= reached) ahead_.erase(found);
  }
  revision_ = reached;
  const auto view = this->view();
  const std::lock_guard lock(mutex_);
  view_ = std::make_shared<const LiveView>(LiveView{view->searcher, view->items, revision_});
  return more;
}

Result<void> LiveSpace::take_over(std::span<const ItemRow> wanted) {
  std::vector<ItemRow> rows(wanted.begin(), wanted.end());
  std::ranges::sort(rows);
  rows.erase(std::ranges::unique(rows).begin(), rows.end());
  const auto items = workspace_.catalog().items_there(rows);
  if (!items) return std::unexpected(items.error());
  std::vector<ItemRow> removed;
  std::vector<VisibleItems::RowGroups> groups;
  std::vector<ItemRow> there;
  for (const Item& item : *items) {
    groups.emplace_back(item.row, item.groups);
    there.push_back(item.row);
  }
  std::ranges::set_difference(rows, there, std::back_inserter(removed));
  if (auto encoded = encode(*items, removed); !encoded) return encoded;
  for (const Item& item : *items) ahead_[item.row] = item.revision;
  auto visible = std::make_shared<const VisibleItems>(view()->items->with(groups, removed));
  return publish(std::move(visible));
}

Result<void> LiveSpace::encode(std::span<const Item> items, std::span<const ItemRow> removed) {
  SilentProgress silent;
  for (const Modality modality : kModalities) {
    std::vector<Item> some;
    std::vector<ItemRow> gone(removed.begin(), removed.end());
    for (const Item& item : items)
      if (encoder_.has(item, modality)) {
        some.push_back(item);
      } else {
        gone.push_back(item.row);
      }
    const auto codes = encoder_.encode_all(some, modality, "indexing", silent);
    if (!codes) return std::unexpected(codes.error());
    // What can no longer be read keeps no code of what it was.
    for (const Item& item : some)
      if (!codes->made(item.row)) gone.push_back(item.row);
    failures_.insert(failures_.end(), codes->failed.begin(), codes->failed.end());
    if (failures_.size() > kKeptFailures)
      failures_.erase(failures_.begin(), failures_.end() - static_cast<std::ptrdiff_t>(kKeptFailures));
    std::ranges::sort(gone);
    if (auto changed = change_codes(modality, *codes, gone); !changed) return changed;
  }
  return embeddings_ ? embeddings_->fill(encoder_, items, silent) : Result<void>();
}

Result<void> LiveSpace::change_codes(Modality modality, const ItemCodes& codes, std::span<const ItemRow> gone) {
  for (const CodeSegment& segment : codes.segments) {
    const auto store = store_of(modality, segment.space, !segment.rows.empty());
    if (!store) return std::unexpected(store.error());
    if (*store == nullptr) continue;
    if (!segment.rows.empty())
      if (auto put = (*store)->codes->put(segment.rows, segment.codes); !put) return put;
    if (!gone.empty())
      if (auto removed = (*store)->codes->remove(gone); !removed) return removed;
  }
  if (space_.generation == 1 || gone.empty()) return {};
  // Codes of earlier generations are never written again: what no longer holds there is written down beside them,
  // before anybody is told that it is gone.
  auto& noted = state_.gone[modality_name(modality)];
  bool changed = false;
  for (const ItemRow row : gone) {
    std::uint32_t& counts_from = noted[row];
    changed = changed || counts_from < space_.generation;
    counts_from = space_.generation;
  }
  return changed ? write_index_state(workspace_, space_.name, state_) : Result<void>();
}

Result<std::size_t> LiveSpace::pending() const {
  const auto last = workspace_.catalog().last_revision();
  if (!last) return std::unexpected(last.error());
  const auto behind = *last - revision_ - static_cast<std::int64_t>(ahead_.size());
  return static_cast<std::size_t>(std::max<std::int64_t>(behind, 0));
}

Result<std::vector<std::filesystem::path>> LiveSpace::backup(const std::filesystem::path& target) {
  std::error_code failure;
  std::filesystem::create_directories(target, failure);
  if (failure) return fail(ErrorCode::kIo, target.string() + ": " + failure.message());
  std::vector<std::filesystem::path> names;
  for (auto& [key, store] : stores_) {
    const auto folder = code_folder(workspace_, space_.name, store.modality, store.space.bits, store.space.generation);
    names.push_back(folder.filename());
    if (auto copied = store.codes->backup(target / names.back()); !copied) return std::unexpected(copied.error());
  }
  return names;
}

Result<void> LiveSpace::note_state() {
  if (revision_ == state_.revision_of(space_.generation)) return {};
  for (std::uint32_t made = 1; made <= space_.generation; ++made) state_.revisions[made] = revision_;
  return write_index_state(workspace_, space_.name, state_);
}

}  // namespace warifu
