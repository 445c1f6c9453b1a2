#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "codes/code_space.h"
#include "engine/code_files.h"
#include "engine/encode_items.h"
#include "engine/item_embeddings.h"
#include "engine/visible_items.h"
#include "engine/workspace.h"
#include "search/searcher.h"
#include "segments/code_store.h"

namespace warifu {

// What searches look at: it stays as it is for as long as it is held.
struct LiveView {
  std::shared_ptr<const Searcher> searcher;  // without an encoder: codes are made by QueryEncoder
  std::shared_ptr<const VisibleItems> items;
  std::int64_t revision = 0;  // every change of the catalog up to here is in it; some later ones may be
};

// The codes of one space, held open to be changed while they are searched. It takes over what changed in the catalog,
// whoever changed it: this process or an ingest beside it. All code lengths are kept in step; one of them is searched.
//
// Threads: view() from any; the rest by one owner. The workspace must outlive it and belongs to the owner.
class LiveSpace {
 public:
  // Takes the space's lock, encodes what is not encoded yet, opens its stores. kUnavailable naming the holder of the
  // lock; kNotFound without items or codes to search; kIncompatible where the space is for measuring only.
  // `embeddings`: keep the items' places in the real-valued embedding too; kInvalidArgument where the space has none.
  static Result<std::unique_ptr<LiveSpace>> open(Workspace& workspace, const std::string& space, std::uint32_t bits,
                                                 bool embeddings, ProgressSink& progress);
  LiveSpace(const LiveSpace&) = delete;
  LiveSpace& operator=(const LiveSpace&) = delete;
  ~LiveSpace();  // notes how far the codes are up to date

  std::shared_ptr<const LiveView> view() const;
  const CodeSpace& space() const { return space_; }
  const SpaceInfo& info() const { return encoder_.info(); }

  // Null where none are kept. As long as this lives.
  const ItemEmbeddings* embeddings() const { return embeddings_.get(); }

  // Takes over up to `limit` changes of the catalog, oldest first. False: there are no more.
  Result<bool> catch_up(std::size_t limit);
  // Takes over these rows now, before older changes: codes of what they hold are durable, and found by every search
  // that takes its view afterwards. Rows that are gone from the catalog are gone from the codes too.
  Result<void> take_over(std::span<const ItemRow> rows);
  // Changes that are committed to the catalog and not taken over; an estimate from above.
  Result<std::size_t> pending() const;

  // Copies of the stores that are held open into `target`, laid out as the space's own folder of codes; their names.
  Result<std::vector<std::filesystem::path>> backup(const std::filesystem::path& target);

  // Writes down how far the codes are up to date, so that the next opening has less to do.
  Result<void> note_state();

  // Why items could not be encoded, lately.
  const std::vector<Rejection>& failures() const { return failures_; }

 private:
  struct Store {
    Modality modality;
    CodeSpace space;
    std::unique_ptr<CodeStore> codes;
  };
  LiveSpace(Workspace& workspace, WriteLock lock, ItemEncoder encoder, CodeSpace space);

  Result<void> open_stores();
  Result<void> open_embeddings(ProgressSink& progress);
  Result<void> encode(std::span<const Item> items, std::span<const ItemRow> removed);
  Result<void> change_codes(Modality modality, const ItemCodes& codes, std::span<const ItemRow> gone);
  Result<Store*> store_of(Modality modality, const CodeSpace& space, bool create);
  Result<void> publish(std::shared_ptr<const VisibleItems> items);
  Result<std::shared_ptr<const Index>> index_of(Modality modality);

  Workspace& workspace_;
  WriteLock lock_;
  ItemEncoder encoder_;
  CodeSpace space_;
  IndexState state_;
  std::int64_t revision_ = 0;
  std::map<ItemRow, std::int64_t> ahead_;  // rows that were taken over before their turn, with their revision
  std::map<std::pair<Modality, std::uint32_t>, Store> stores_;
  std::vector<Rejection> failures_;
  std::unique_ptr<ItemEmbeddings> embeddings_;

  mutable std::mutex mutex_;
  std::shared_ptr<const LiveView> view_;
};

}  // namespace warifu
