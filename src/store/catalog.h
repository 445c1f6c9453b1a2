#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "io/record.h"
#include "text/keyword_terms.h"

namespace warifu {

// Row number of an item in the catalog: assigned in ingest order, never reused, the id that codes
// and indexes carry.
using ItemRow = std::int64_t;

struct Item {
  ItemRow row = 0;
  std::string id;                   // the user's own
  std::string image_uri;            // absolute path; empty: no picture
  std::string image_hash;           // content_hash of the picture's bytes; empty: none, or features only
  std::optional<std::string> text;  // normalised
  std::vector<Label> labels;        // sorted, without repeats
  std::vector<Label> attributes;
  std::vector<std::string> groups;  // who may see it, sorted, without repeats; empty: everybody who may search
  std::string original_uri;         // of an anonymised picture: where it came from, for administrators; else empty
  // Set by the catalog: the value of its change counter when this item was added or last changed.
  // Codes made at counter value N are stale for items with revision > N.
  std::int64_t revision = 0;
};

// What became of a record offered to the catalog.
enum class Stored { kAdded, kUpdated, kUnchanged };

// How much a catalog holds.
struct CatalogCounts {
  std::size_t items = 0;
  std::size_t with_image = 0;  // image_uri or image_hash is not empty
  std::size_t with_text = 0;
  std::size_t with_both = 0;
  std::size_t rejections = 0;
};

// Which rows the asking person may see. Empty: all. It must not throw, nor call the catalog that it is given to.
using AllowedRows = std::function<bool(ItemRow)>;

// An item that holds words of a query.
struct WordHit {
  ItemRow row = 0;
  double score = 0;           // > 0; comparable within one answer
  std::uint32_t phrases = 0;  // bit i: phrase i of the query occurs
};

struct Suggestion {
  std::string column;
  std::string value;
  std::size_t items = 0;  // allowed ones that have it
};

struct ValueCount {
  std::string value;
  std::size_t items = 0;  // allowed ones that have it
};

// A column of labels or attributes that some item has.
struct ValueColumn {
  std::string name;
  bool is_label = false;   // a column may be both: then it is there twice
  std::size_t values = 0;  // different ones
};

struct GroupSize {
  std::string name;
  std::size_t items = 0;  // that name it
};

// What became of an item after some revision: it is new or changed, or it was removed.
struct ItemChange {
  ItemRow row = 0;
  std::int64_t revision = 0;
  bool removed = false;
};

using ItemGroups = std::pair<ItemRow, std::vector<std::string>>;

// The items of a workspace in one SQLite file (WAL): items, their words, groups, labels, attributes, splits, rejections
// and a few named values. Opening migrates an older schema forward; a newer one is kIncompatible.
//
// Threads and processes: any number of readers, also while somebody writes; one writer, who holds a
// lock (an flock on "<path>.lock", so a crash releases it). A second writer gets kUnavailable with
// the holder's pid. One Catalog object belongs to one thread at a time and must not cross a fork.
//
// Every call may also fail with kIo (full disk, broken device), kBadFormat (damaged file) or
// kUnavailable (another program holds the database), naming the file. A failed write leaves what was
// written before it in the transaction, unless the message of the next write says that it is lost.
// Destroying a catalog that is writing drops what was not committed.
class Catalog {
 public:
  virtual ~Catalog() = default;

  // --- writing; each call is kUnavailable without begin_writing() ---
  virtual Result<void> begin_writing() = 0;  // takes the lock, opens a transaction
  virtual Result<void> commit() = 0;         // durable after this; keeps the lock, opens the next transaction
  virtual Result<void> end_writing() = 0;    // commits and releases; releases even if it cannot commit

  // Adds or replaces by id; unchanged content changes nothing (idempotent). item.row and
  // item.revision are ignored; the row is in the answer. Labels, attributes and groups are sorted and
  // repeats dropped. New groups alone are a change too, so the item gets a new revision. An empty id is
  // kInvalidArgument.
  virtual Result<std::pair<ItemRow, Stored>> put(const Item& item) = 0;
  // Gives the item a new revision without changing it (its given features changed). kNotFound.
  virtual Result<void> touch(ItemRow row) = 0;
  // Removes the item with its values, words, groups and places in splits, and says its row; nothing: there is no such
  // item. The change counter rises; the row is not used again, also not by a new item of this id.
  virtual Result<std::optional<ItemRow>> remove(std::string_view id) = 0;
  virtual Result<void> set_meta(std::string_view key, std::string_view value) = 0;
  // Replaces the split; it may be empty, and splits may overlap. kNotFound if a row is no item's
  // (the old split stays then).
  virtual Result<void> set_split(std::string_view split, std::span<const ItemRow> rows) = 0;
  virtual Result<void> put_rejection(const Rejection& rejection) = 0;  // by place: a later run replaces it
  virtual Result<void> clear_rejection(std::string_view place) = 0;    // the place reads well now

  // --- reading ---
  virtual Result<CatalogCounts> counts() const = 0;
  virtual Result<std::int64_t> last_revision() const = 0;  // the change counter now; 0: nothing was ever put
  virtual Result<std::optional<std::string>> meta(std::string_view key) const = 0;
  virtual Result<std::optional<Item>> find(std::string_view id) const = 0;
  virtual Result<std::vector<Item>> items(std::span<const ItemRow> rows) const = 0;  // in that order; kNotFound
  virtual Result<std::vector<Item>> items_there(
      std::span<const ItemRow> rows) const = 0;                                 // without those that are gone
  virtual Result<std::vector<Item>> all_items() const = 0;                      // ascending row
  virtual Result<std::vector<std::string>> label_columns() const = 0;           // sorted
  virtual Result<std::vector<std::string>> split_names() const = 0;             // sorted
  virtual Result<std::vector<ItemRow>> split(std::string_view name) const = 0;  // ascending; kNotFound lists names
  // In order of first appearance, the first `limit`.
  virtual Result<std::vector<Rejection>> rejections(
      std::size_t limit = std::numeric_limits<std::size_t>::max()) const = 0;
  virtual Result<std::vector<ValueColumn>> value_columns() const = 0;  // labels first, then by name
  virtual Result<std::vector<GroupSize>> group_sizes() const = 0;      // by name
  // Rows whose label or attribute `column` has exactly `value`, ascending. kNotFound if no item has that column.
  virtual Result<std::vector<ItemRow>> rows_where(std::string_view column, std::string_view value) const = 0;
  // One change an item, the latest, in ascending revision: what to do to whatever was derived from the catalog at
  // `revision`. 0: everything there is, and what was ever removed.
  virtual Result<std::vector<ItemChange>> changes_since(std::int64_t revision) const = 0;
  // Who may see which item: of all items in ascending row, or of `rows` in that order without those that are gone.
  virtual Result<std::vector<ItemGroups>> item_groups() const = 0;
  virtual Result<std::vector<ItemGroups>> item_groups(std::span<const ItemRow> rows) const = 0;

  // --- words; nothing in these answers depends on an item that is not allowed ---
  // The `limit` best items that hold any phrase of `query` in their id, file name, text or values; ties by row. Scored
  // by BM25 over the allowed items found; one that holds all of several phrases comes before every one that does not.
  virtual Result<std::vector<WordHit>> find_words(const KeywordQuery& query, std::size_t limit,
                                                  const AllowedRows& allowed) const = 0;
  // Label and attribute values that begin with `prefix` after keyword_fold, most items first, then by value; none for
  // an empty prefix.
  virtual Result<std::vector<Suggestion>> suggest(std::string_view prefix, std::size_t limit,
                                                  const AllowedRows& allowed) const = 0;
  // Values of the label or attribute `column`, most items first, then by value. None for a column that nobody has.
  virtual Result<std::vector<ValueCount>> count_values(std::string_view column, const AllowedRows& allowed) const = 0;

  virtual Result<bool> has_picture(std::string_view image_uri) const = 0;  // whether an item has this image_uri
  // A copy as of now into a new file, while others write; kIo also where the file exists.
  virtual Result<void> backup(const std::filesystem::path& target) const = 0;
  // What SQLite finds wrong with the whole file (page structure, indexes, references), in its words, and what the
  // word index lacks; empty: nothing.
  virtual Result<std::vector<std::string>> damages() const = 0;
};

// Creates the file (and schema) if there is none; its folder must exist (kNotFound). A file that is
// not a catalog is kBadFormat.
Result<std::unique_ptr<Catalog>> open_catalog(const std::filesystem::path& path);

}  // namespace warifu
