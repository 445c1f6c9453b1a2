#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/catalog.h"
#include "store/sqlite.h"

namespace warifu {

// The words of the items: an FTS5 table, and BM25 over what it finds. Inside store/ only. FTS5's own bm25() is not
// used: it weighs words by statistics of all rows, so a score would tell of items that the asking person may not see.
//
// Changes are queued, because FTS5 (3.40) writes a segment at every savepoint and each item is put in one; flush()
// belongs to the same transaction as the items.
class WordIndex {
 public:
  // Adds to the connection, before its schema is made: keyword_document(text), keyword_fold(text),
  // keyword_name(image_uri, id) and what find() needs. The database outlives the index.
  static Result<std::unique_ptr<WordIndex>> attach(Database& database);
  WordIndex(const WordIndex&) = delete;
  WordIndex& operator=(const WordIndex&) = delete;

  Result<void> put(ItemRow row, const Item& item);  // kIo, kBadFormat: the queue was full and could not be written
  void remove(ItemRow row);
  Result<void> flush();  // if it fails, the queue is as it was
  void drop_queue();     // the transaction is lost

  // Catalog::find_words. `revision`: the catalog's change counter now, in the same snapshot. `writing`: the transaction
  // may yet be taken back, so nothing is remembered of it.
  Result<std::vector<WordHit>> find(const KeywordQuery& query, std::size_t limit, const AllowedRows& allowed,
                                    std::int64_t revision, bool writing);

 private:
  explicit WordIndex(Database& database) : database_(database) {}

  struct Words {
    std::string name;
    std::string text;
    std::string values;
  };
  struct Found;
  Result<void> register_functions();
  Result<void> forget_changed_lengths(std::int64_t revision);
  std::uint32_t& length_of(ItemRow row);

  Database& database_;
  std::map<ItemRow, std::optional<Words>> queue_;  // none: removed
  std::size_t queued_bytes_ = 0;
  // Tokens of each row, 0: not asked yet. FTS5 keeps them in a table of its own, and looking there for each row found
  // takes eight times as long as finding it.
  std::vector<std::uint32_t> lengths_;
  std::uint32_t other_length_ = 0;
  std::int64_t lengths_revision_ = 0;
  Found* found_ = nullptr;  // where the running query collects
};

}  // namespace warifu
