#include "store/catalog.h"

#include <algorithm>
#include <tuple>

#include "store/item_reader.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/word_index.h"
#include "store/write_lock.h"

namespace warifu {
namespace {

constexpr int kWaitMs = 5000;
constexpr std::int64_t kLabel = 0;
constexpr std::int64_t kAttribute = 1;

template <typename T>
std::vector<T> sorted_once(std::vector<T> all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// Most items first, then by name, and no more than `limit`.
template <typename Counted, typename Name>
void most_items_first(std::vector<Counted>& all, std::size_t limit, Name name) {
  const auto before = [&](const Counted& a, const Counted& b) {
    return a.items != b.items ? a.items > b.items : name(a) < name(b);
  };
  const auto kept = static_cast<std::ptrdiff_t>(std::min(limit, all.size()));
  std::ranges::partial_sort(all, all.begin() + kept, before);
  all.resize(static_cast<std::size_t>(kept));
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all.empty() ? "(none)" : all;
}

// All rows of a statement, made by `make`.
template <typename Make>
auto collect(Statement& statement, Make make) -> Result<std::vector<decltype(make(statement))>> {
  std::vector<decltype(make(statement))> all;
  for (;;) {
    const auto row = statement.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return all;
    all.push_back(make(statement));
  }
}

std::string first_text(const Statement& s) { return s.text(0); }
std::int64_t first_integer(const Statement& s) { return s.integer(0); }

class SqliteCatalog final : public Catalog {
 public:
  SqliteCatalog(std::unique_ptr<Database> database, std::unique_ptr<WordIndex> words, std::filesystem::path path)
      : path_(std::move(path)), database_(std::move(database)), words_(std::move(words)) {}

  Result<void> begin_writing() override {
    if (lock_ && database_->in_transaction())
      return fail(ErrorCode::kInternal, path_.string() + ": begin_writing() while writing");
    if (!lock_) {
      auto lock = WriteLock::take(path_.string() + ".lock");
      if (!lock) return std::unexpected(lock.error());
      lock_.emplace(*std::move(lock));
    }
    words_->drop_queue();  // of a transaction that was lost
    auto begun = database_->run("BEGIN IMMEDIATE");
    if (!begun) lock_.reset();
    return begun;
  }

  Result<void> commit() override {
    if (auto writing = check_writing(); !writing) return writing;
    if (auto flushed = words_->flush(); !flushed) return flushed;
    if (auto committed = database_->run("COMMIT"); !committed) return committed;
    return database_->run("BEGIN IMMEDIATE");
  }

  Result<void> end_writing() override {
    auto ended = check_writing();
    if (ended) ended = words_->flush();
    if (ended) ended = database_->run("COMMIT");
    if (!ended && database_->in_transaction()) static_cast<void>(database_->run("ROLLBACK"));
    words_->drop_queue();
    lock_.reset();
    return ended;
  }

  Result<std::pair<ItemRow, Stored>> put(const Item& item) override;
  Result<void> touch(ItemRow row) override;
  Result<std::optional<ItemRow>> remove(std::string_view id) override;
  Result<void> set_meta(std::string_view key, std::string_view value) override;
  Result<void> set_split(std::string_view split, std::span<const ItemRow> rows) override;
  Result<void> put_rejection(const Rejection& rejection) override;
  Result<void> clear_rejection(std::string_view place) override;

  Result<CatalogCounts> counts() const override;
  Result<std::int64_t> last_revision() const override;
  Result<std::optional<std::string>> meta(std::string_view key) const override;
  Result<std::optional<Item>> find(std::string_view id) const override;
  Result<std::vector<Item>> items(std::span<const ItemRow> rows) const override;
  Result<std::vector<Item>> items_there(std::span<const ItemRow> rows) const override;
  Result<std::vector<Item>> all_items() const override;
  Result<std::vector<std::string>> label_columns() const override { return columns(kLabel); }
  Result<std::vector<std::string>> split_names() const override;
  Result<std::vector<ItemRow>> split(std::string_view name) const override;
  Result<std::vector<Rejection>> rejections(std::size_t limit) const override;
  Result<std::vector<ValueColumn>> value_columns() const override;
  Result<std::vector<GroupSize>> group_sizes() const override;
  Result<std::vector<ItemRow>> rows_where(std::string_view column, std::string_view value) const override;
  Result<std::vector<ItemChange>> changes_since(std::int64_t revision) const override;
  Result<std::vector<ItemGroups>> item_groups() const override;
  Result<std::vector<ItemGroups>> item_groups(std::span<const ItemRow> rows) const override;
  Result<std::vector<WordHit>> find_words(const KeywordQuery& query, std::size_t limit,
                                          const AllowedRows& allowed) const override;
  Result<std::vector<Suggestion>> suggest(std::string_view prefix, std::size_t limit,
                                          const AllowedRows& allowed) const override;
  Result<std::vector<ValueCount>> count_values(std::string_view column, const AllowedRows& allowed) const override;
  Result<bool> has_picture(std::string_view image_uri) const override;
  Result<void> backup(const std::filesystem::path& target) const override;
  Result<std::vector<std::string>> damages() const override;

 private:
  Result<void> check_writing() const;
  Result<std::int64_t> insert(const Item& item, std::int64_t revision);
  Result<void> update(const Item& item, ItemRow row, std::int64_t revision);
  Result<void> insert_values(ItemRow row, std::int64_t kind, const std::vector<Label>& values);
  Result<void> insert_groups(ItemRow row, const std::vector<std::string>& groups);
  Result<void> forget_unused_values(const Item& old, const Item& now);
  Result<std::vector<std::string>> columns(std::int64_t kind) const;

  std::filesystem::path path_;
  std::optional<WriteLock> lock_;  // before database_: released only after the open transaction is rolled back
  std::unique_ptr<Database> database_;
  std::unique_ptr<WordIndex> words_;
};

Result<void> SqliteCatalog::check_writing() const {
  if (!lock_) return fail(ErrorCode::kUnavailable, path_.string() + ": not open for writing");
  if (!database_->in_transaction())
    return fail(ErrorCode::kIo, path_.string() + ": what was not committed is lost after an earlier error",
                "begin writing again");
  return {};
}

// ---- writing ----

Result<std::pair<ItemRow, Stored>> SqliteCatalog::put(const Item& given) {
  if (auto writing = check_writing(); !writing) return std::unexpected(writing.error());
  if (given.id.empty()) return fail(ErrorCode::kInvalidArgument, path_.string() + ": an item with an empty id");
  Item item = given;
  item.labels = sorted_once(std::move(item.labels));
  item.attributes = sorted_once(std::move(item.attributes));
  item.groups = sorted_once(std::move(item.groups));
  const auto old = read_item(*database_, item.id);
  if (!old) return std::unexpected(old.error());
  if (*old && (*old)->image_uri == item.image_uri && (*old)->image_hash == item.image_hash &&
      (*old)->text == item.text && (*old)->labels == item.labels && (*old)->attributes == item.attributes &&
      (*old)->groups == item.groups && (*old)->original_uri == item.original_uri)
    return std::pair((*old)->row, Stored::kUnchanged);

  const auto last = last_revision();
  if (!last) return std::unexpected(last.error());
  auto savepoint = Savepoint::begin(*database_);
  if (!savepoint) return std::unexpected(savepoint.error());
  ItemRow row = 0;
  if (*old) {
    row = (*old)->row;
    if (auto updated = update(item, row, *last + 1); !updated) return std::unexpected(updated.error());
  } else {
    const auto inserted = insert(item, *last + 1);
    if (!inserted) return std::unexpected(inserted.error());
    row = *inserted;
  }
  if (auto values = insert_values(row, kLabel, item.labels); !values) return std::unexpected(values.error());
  if (auto values = insert_values(row, kAttribute, item.attributes); !values) return std::unexpected(values.error());
  if (auto groups = insert_groups(row, item.groups); !groups) return std::unexpected(groups.error());
  if (*old)
    if (auto forgotten = forget_unused_values(**old, item); !forgotten) return std::unexpected(forgotten.error());
  if (auto kept = savepoint->keep(); !kept) return std::unexpected(kept.error());
  if (auto queued = words_->put(row, item); !queued) return std::unexpected(queued.error());
  return std::pair(row, *old ? Stored::kUpdated : Stored::kAdded);
}

void bind_content(Statement& statement, const Item& item, std::int64_t revision) {
  statement.bind(2, item.image_uri).bind(3, item.image_hash).bind(5, revision).bind(6, item.original_uri);
  item.text ? statement.bind(4, *item.text) : statement.bind_null(4);
}

Result<std::int64_t> SqliteCatalog::insert(const Item& item, std::int64_t revision) {
  auto statement = database_->prepare(
      "INSERT INTO items (id, image_uri, image_hash, text, revision, original_uri) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  if (!statement) return std::unexpected(statement.error());
  bind_content(statement->bind(1, item.id), item, revision);
  if (auto run = statement->run(); !run) return std::unexpected(run.error());
  return database_->last_insert_row();
}

Result<void> SqliteCatalog::update(const Item& item, ItemRow row, std::int64_t revision) {
  auto content = database_->prepare(
      "UPDATE items SET image_uri = ?2, image_hash = ?3, text = ?4, revision = ?5, original_uri = ?6 WHERE row = ?1");
  if (!content) return std::unexpected(content.error());
  bind_content(content->bind(1, row), item, revision);
  if (auto run = content->run(); !run) return run;
  for (const std::string_view sql :
       {"DELETE FROM item_values WHERE item = ?1", "DELETE FROM item_groups WHERE item = ?1"}) {
    auto statement = database_->prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    if (auto run = statement->bind(1, row).run(); !run) return run;
  }
  return {};
}

Result<void> SqliteCatalog::insert_values(ItemRow row, std::int64_t kind, const std::vector<Label>& values) {
  auto statement = database_->prepare("INSERT INTO item_values (item, kind, column, value) VALUES (?1, ?2, ?3, ?4)");
  if (!statement) return std::unexpected(statement.error());
  auto name = database_->prepare("INSERT OR IGNORE INTO value_names (folded, column, value) VALUES (?1, ?2, ?3)");
  if (!name) return std::unexpected(name.error());
  for (const Label& label : values) {
    if (auto run = statement->bind(1, row).bind(2, kind).bind(3, label.column).bind(4, label.value).run(); !run)
      return run;
    statement->reset();
    if (auto run = name->bind(1, keyword_fold(label.value)).bind(2, label.column).bind(3, label.value).run(); !run)
      return run;
    name->reset();
  }
  return {};
}

Result<void> SqliteCatalog::insert_groups(ItemRow row, const std::vector<std::string>& groups) {
  auto statement = database_->prepare("INSERT INTO item_groups (item, name) VALUES (?1, ?2)");
  if (!statement) return std::unexpected(statement.error());
  for (const std::string& name : groups) {
    if (auto run = statement->bind(1, row).bind(2, name).run(); !run) return run;
    statement->reset();
  }
  return {};
}

// A value that nobody has any more must not be offered, nor stay in the file.
Result<void> SqliteCatalog::forget_unused_values(const Item& old, const Item& now) {
  auto statement = database_->prepare(
      "DELETE FROM value_names WHERE folded = ?1 AND column = ?2 AND value = ?3 AND NOT EXISTS "
      "(SELECT 1 FROM item_values WHERE kind IN (0, 1) AND column = ?2 AND value = ?3)");
  if (!statement) return std::unexpected(statement.error());
  for (const auto& [before, after] : {std::pair(&old.labels, &now.labels), std::pair(&old.attributes, &now.attributes)})
    for (const Label& label : *before) {
      if (std::ranges::binary_search(*after, label)) continue;
      if (auto run = statement->bind(1, keyword_fold(label.value)).bind(2, label.column).bind(3, label.value).run();
          !run)
        return run;
      statement->reset();
    }
  return {};
}

Result<std::optional<ItemRow>> SqliteCatalog::remove(std::string_view id) {
  if (auto writing = check_writing(); !writing) return std::unexpected(writing.error());
  const auto old = read_item(*database_, id);
  if (!old) return std::unexpected(old.error());
  if (!*old) return std::nullopt;
  const ItemRow row = (*old)->row;
  const auto last = last_revision();
  if (!last) return std::unexpected(last.error());
  auto savepoint = Savepoint::begin(*database_);
  if (!savepoint) return std::unexpected(savepoint.error());
  auto item = database_->prepare("DELETE FROM items WHERE row = ?1");  // its values, groups and splits cascade
  if (!item) return std::unexpected(item.error());
  if (auto run = item->bind(1, row).run(); !run) return std::unexpected(run.error());
  auto removal = database_->prepare("INSERT INTO removals (row, revision) VALUES (?1, ?2)");
  if (!removal) return std::unexpected(removal.error());
  if (auto run = removal->bind(1, row).bind(2, *last + 1).run(); !run) return std::unexpected(run.error());
  if (auto forgotten = forget_unused_values(**old, {}); !forgotten) return std::unexpected(forgotten.error());
  if (auto kept = savepoint->keep(); !kept) return std::unexpected(kept.error());
  words_->remove(row);
  return row;
}

Result<void> SqliteCatalog::touch(ItemRow row) {
  if (auto writing = check_writing(); !writing) return writing;
  const auto last = last_revision();
  if (!last) return std::unexpected(last.error());
  auto statement = database_->prepare("UPDATE items SET revision = ?2 WHERE row = ?1");
  if (!statement) return std::unexpected(statement.error());
  if (auto run = statement->bind(1, row).bind(2, *last + 1).run(); !run) return run;
  if (database_->changed_rows() == 0)
    return fail(ErrorCode::kNotFound, path_.string() + ": no item has row " + std::to_string(row));
  return {};
}

Result<void> SqliteCatalog::set_meta(std::string_view key, std::string_view value) {
  if (auto writing = check_writing(); !writing) return writing;
  auto statement =
      database_->prepare("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2");
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(1, key).bind(2, value).run();
}

Result<void> SqliteCatalog::set_split(std::string_view split, std::span<const ItemRow> rows) {
  if (auto writing = check_writing(); !writing) return writing;
  if (split.empty()) return fail(ErrorCode::kInvalidArgument, path_.string() + ": a split with an empty name");
  const std::vector<ItemRow> ascending = sorted_once(std::vector<ItemRow>(rows.begin(), rows.end()));

  auto savepoint = Savepoint::begin(*database_);
  if (!savepoint) return std::unexpected(savepoint.error());
  for (const std::string_view sql : {"DELETE FROM splits WHERE name = ?1", "INSERT INTO splits (name) VALUES (?1)"}) {
    auto statement = database_->prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    if (auto run = statement->bind(1, split).run(); !run) return run;
  }
  const std::int64_t number = database_->last_insert_row();
  auto statement = database_->prepare("INSERT INTO split_items (split, item) SELECT ?1, row FROM items WHERE row = ?2");
  if (!statement) return std::unexpected(statement.error());
  for (const ItemRow row : ascending) {
    if (auto run = statement->bind(1, number).bind(2, row).run(); !run) return run;
    if (database_->changed_rows() == 0)
      return fail(ErrorCode::kNotFound,
                  path_.string() + ": split '" + std::string(split) + "': no item has row " + std::to_string(row));
    statement->reset();
  }
  return savepoint->keep();
}

Result<void> SqliteCatalog::put_rejection(const Rejection& rejection) {
  if (auto writing = check_writing(); !writing) return writing;
  auto statement = database_->prepare(
      "INSERT INTO rejections (place, reason, hint) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (place) DO UPDATE SET reason = ?2, hint = ?3");
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(1, rejection.place).bind(2, rejection.reason).bind(3, rejection.hint).run();
}

Result<void> SqliteCatalog::clear_rejection(std::string_view place) {
  if (auto writing = check_writing(); !writing) return writing;
  auto statement = database_->prepare("DELETE FROM rejections WHERE place = ?1");
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(1, place).run();
}

// ---- reading ----

Result<CatalogCounts> SqliteCatalog::counts() const {
  auto statement = database_->prepare(
      "SELECT count(*), coalesce(sum(image), 0), coalesce(sum(words), 0), coalesce(sum(image AND words), 0), "
      "(SELECT count(*) FROM rejections) "
      "FROM (SELECT image_uri <> '' OR image_hash <> '' AS image, text IS NOT NULL AS words FROM items)");
  if (!statement) return std::unexpected(statement.error());
  if (const auto row = statement->step(); !row) return std::unexpected(row.error());
  const auto count = [&](int column) { return static_cast<std::size_t>(statement->integer(column)); };
  return CatalogCounts{
      .items = count(0), .with_image = count(1), .with_text = count(2), .with_both = count(3), .rejections = count(4)};
}

Result<std::int64_t> SqliteCatalog::last_revision() const {
  return database_->number(
      "SELECT max(coalesce((SELECT max(revision) FROM items), 0), coalesce((SELECT max(revision) FROM removals), 0))");
}

Result<std::optional<std::string>> SqliteCatalog::meta(std::string_view key) const {
  auto statement = database_->prepare("SELECT value FROM meta WHERE key = ?1");
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->bind(1, key).step();
  if (!row) return std::unexpected(row.error());
  return *row ? std::optional(statement->text(0)) : std::nullopt;
}

Result<std::optional<Item>> SqliteCatalog::find(std::string_view id) const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  return read_item(*database_, id);
}

Result<std::vector<Item>> SqliteCatalog::items(std::span<const ItemRow> rows) const {
  auto items = items_there(rows);
  if (!items) return items;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (i == items->size() || (*items)[i].row != rows[i])
      return fail(ErrorCode::kNotFound, path_.string() + ": no item has row " + std::to_string(rows[i]));
  return items;
}

Result<std::vector<Item>> SqliteCatalog::items_there(std::span<const ItemRow> rows) const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  std::vector<Item> items;
  items.reserve(rows.size());
  for (const ItemRow row : rows) {
    auto item = read_item(*database_, row);
    if (!item) return std::unexpected(item.error());
    if (*item) items.push_back(**std::move(item));
  }
  return items;
}

Result<std::vector<Item>> SqliteCatalog::all_items() const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  return read_all_items(*database_);
}

// One look into the index per column, however many rows have it.
Result<std::vector<std::string>> SqliteCatalog::columns(std::int64_t kind) const {
  auto statement = database_->prepare(
      "WITH RECURSIVE names (name) AS ("
      " SELECT min(column) FROM item_values WHERE kind = ?1"
      " UNION ALL"
      " SELECT (SELECT min(column) FROM item_values WHERE kind = ?1 AND column > name) FROM names"
      " WHERE name IS NOT NULL) "
      "SELECT name FROM names WHERE name IS NOT NULL");
  if (!statement) return std::unexpected(statement.error());
  return collect(statement->bind(1, kind), first_text);
}

Result<std::vector<std::string>> SqliteCatalog::split_names() const {
  auto statement = database_->prepare("SELECT name FROM splits ORDER BY name");
  if (!statement) return std::unexpected(statement.error());
  return collect(*statement, first_text);
}

Result<std::vector<ItemRow>> SqliteCatalog::split(std::string_view name) const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  auto number = database_->prepare("SELECT number FROM splits WHERE name = ?1");
  if (!number) return std::unexpected(number.error());
  const auto found = number->bind(1, name).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) {
    const auto names = split_names();
    if (!names) return std::unexpected(names.error());
    return fail(ErrorCode::kNotFound, path_.string() + ": no split is called '" + std::string(name) + "'",
                "known splits: " + joined(*names));
  }
  auto rows = database_->prepare("SELECT item FROM split_items WHERE split = ?1 ORDER BY item");
  if (!rows) return std::unexpected(rows.error());
  return collect(rows->bind(1, number->integer(0)), first_integer);
}

Result<std::vector<Rejection>> SqliteCatalog::rejections(std::size_t limit) const {
  auto statement = database_->prepare("SELECT place, reason, hint FROM rejections ORDER BY number LIMIT ?1");
  if (!statement) return std::unexpected(statement.error());
  constexpr std::size_t kMost = std::numeric_limits<std::int64_t>::max();
  statement->bind(1, static_cast<std::int64_t>(std::min(limit, kMost)));
  return collect(*statement, [](const Statement& s) { return Rejection{s.text(0), s.text(1), s.text(2)}; });
}

Result<std::vector<ValueColumn>> SqliteCatalog::value_columns() const {
  auto statement = database_->prepare(
      "SELECT column, kind, count(DISTINCT value) FROM item_values GROUP BY kind, column ORDER BY kind, column");
  if (!statement) return std::unexpected(statement.error());
  return collect(*statement, [](const Statement& s) {
    return ValueColumn{s.text(0), s.integer(1) == kLabel, static_cast<std::size_t>(s.integer(2))};
  });
}

Result<std::vector<GroupSize>> SqliteCatalog::group_sizes() const {
  auto statement = database_->prepare("SELECT name, count(*) FROM item_groups GROUP BY name ORDER BY name");
  if (!statement) return std::unexpected(statement.error());
  return collect(*statement, [](const Statement& s) {
    return GroupSize{s.text(0), static_cast<std::size_t>(s.integer(1))};
  });
}

Result<bool> SqliteCatalog::has_picture(std::string_view image_uri) const {
  auto statement = database_->prepare("SELECT 1 FROM items WHERE image_uri = ?1 LIMIT 1");
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(1, image_uri).step();
}

Result<void> SqliteCatalog::backup(const std::filesystem::path& target) const {
  auto statement = database_->prepare("VACUUM INTO ?1");
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(1, target.string()).run();
}

Result<std::vector<std::string>> SqliteCatalog::damages() const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  std::vector<std::string> damages;
  auto structure = database_->prepare("PRAGMA integrity_check(20)");
  if (!structure) return std::unexpected(structure.error());
  for (;;) {
    const auto row = structure->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (const std::string text = structure->text(0); text != "ok") damages.push_back(text);
  }
  auto references = database_->prepare("PRAGMA foreign_key_check");
  if (!references) return std::unexpected(references.error());
  const auto dangling = references->step();
  if (!dangling) return std::unexpected(dangling.error());
  if (*dangling) damages.push_back("a row of table " + references->text(0) + " belongs to no item");
  if (!damages.empty()) return damages;  // the words would only repeat it
  if (lock_ && database_->in_transaction())
    if (auto flushed = words_->flush(); !flushed) return std::unexpected(flushed.error());
  const auto lacking =
      database_->number("SELECT count(*) FROM (SELECT row FROM items EXCEPT SELECT id FROM item_words_docsize)");
  if (!lacking) return std::unexpected(lacking.error());
  if (*lacking > 0) damages.push_back("the word index lacks " + std::to_string(*lacking) + " items");
  const auto gone =
      database_->number("SELECT count(*) FROM (SELECT id FROM item_words_docsize EXCEPT SELECT row FROM items)");
  if (!gone) return std::unexpected(gone.error());
  if (*gone > 0) damages.push_back("the word index holds " + std::to_string(*gone) + " items that are gone");
  return damages;
}

Result<std::vector<ItemChange>> SqliteCatalog::changes_since(std::int64_t revision) const {
  auto statement = database_->prepare(
      "SELECT row, revision, 0 FROM items WHERE revision > ?1 UNION ALL "
      "SELECT row, revision, 1 FROM removals WHERE revision > ?1 ORDER BY 2");
  if (!statement) return std::unexpected(statement.error());
  return collect(statement->bind(1, revision), [](const Statement& s) {
    return ItemChange{s.integer(0), s.integer(1), s.integer(2) != 0};
  });
}

Result<std::vector<ItemGroups>> SqliteCatalog::item_groups() const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  return read_all_groups(*database_);
}

Result<std::vector<ItemGroups>> SqliteCatalog::item_groups(std::span<const ItemRow> rows) const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  auto there = database_->prepare("SELECT 1 FROM items WHERE row = ?1");
  if (!there) return std::unexpected(there.error());
  std::vector<ItemGroups> items;
  items.reserve(rows.size());
  for (const ItemRow row : rows) {
    const auto found = there->bind(1, row).step();
    if (!found) return std::unexpected(found.error());
    there->reset();
    if (!*found) continue;
    auto groups = read_groups(*database_, row);
    if (!groups) return std::unexpected(groups.error());
    items.emplace_back(row, *std::move(groups));
  }
  return items;
}

// ---- words ----

Result<std::vector<WordHit>> SqliteCatalog::find_words(const KeywordQuery& query, std::size_t limit,
                                                       const AllowedRows& allowed) const {
  if (lock_ && database_->in_transaction())
    if (auto flushed = words_->flush(); !flushed) return std::unexpected(flushed.error());
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  const auto revision = last_revision();
  if (!revision) return std::unexpected(revision.error());
  return words_->find(query, limit, allowed, *revision, lock_.has_value());
}

Result<std::vector<Suggestion>> SqliteCatalog::suggest(std::string_view prefix, std::size_t limit,
                                                       const AllowedRows& allowed) const {
  const std::string folded = keyword_fold(prefix);
  if (folded.empty() || limit == 0) return std::vector<Suggestion>();
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  auto names = database_->prepare("SELECT column, value FROM value_names WHERE folded >= ?1 AND folded < ?2");
  if (!names) return std::unexpected(names.error());
  // Text is compared byte by byte, and 0xFF is in no UTF-8.
  names->bind(1, folded).bind(2, folded + '\xFF');
  auto suggestions = collect(*names, [](const Statement& s) { return Suggestion{s.text(0), s.text(1), 0}; });
  if (!suggestions) return suggestions;
  auto items =
      database_->prepare("SELECT DISTINCT item FROM item_values WHERE kind IN (0, 1) AND column = ?1 AND value = ?2");
  if (!items) return std::unexpected(items.error());
  for (Suggestion& suggestion : *suggestions) {
    items->bind(1, suggestion.column).bind(2, suggestion.value);
    for (;;) {
      const auto row = items->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      if (!allowed || allowed(items->integer(0))) ++suggestion.items;
    }
    items->reset();
  }
  std::erase_if(*suggestions, [](const Suggestion& s) { return s.items == 0; });
  most_items_first(*suggestions, limit, [](const Suggestion& s) { return std::tie(s.value, s.column); });
  return suggestions;
}

Result<std::vector<ValueCount>> SqliteCatalog::count_values(std::string_view column, const AllowedRows& allowed) const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  auto statement = database_->prepare(
      "SELECT value, item FROM item_values WHERE kind = 0 AND column = ?1 UNION "
      "SELECT value, item FROM item_values WHERE kind = 1 AND column = ?1 ORDER BY 1, 2");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, column);
  std::vector<ValueCount> counts;
  for (;;) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (allowed && !allowed(statement->integer(1))) continue;
    std::string value = statement->text(0);
    if (counts.empty() || counts.back().value != value) counts.push_back({std::move(value), 0});
    ++counts.back().items;
  }
  most_items_first(counts, counts.size(), [](const ValueCount& c) -> const std::string& { return c.value; });
  return counts;
}

Result<std::vector<ItemRow>> SqliteCatalog::rows_where(std::string_view column, std::string_view value) const {
  const auto snapshot = ReadSnapshot::take(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  auto statement = database_->prepare(
      "SELECT DISTINCT item FROM item_values WHERE kind IN (0, 1) AND column = ?1 AND value = ?2 ORDER BY item");
  if (!statement) return std::unexpected(statement.error());
  auto rows = collect(statement->bind(1, column).bind(2, value), first_integer);
  if (!rows || !rows->empty()) return rows;
  std::vector<std::string> names;
  for (const std::int64_t kind : {kLabel, kAttribute}) {
    const auto some = columns(kind);
    if (!some) return std::unexpected(some.error());
    names.insert(names.end(), some->begin(), some->end());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (std::binary_search(names.begin(), names.end(), column)) return rows;
  return fail(ErrorCode::kNotFound, path_.string() + ": no item has a column '" + std::string(column) + "'",
              "known columns: " + joined(names));
}

}  // namespace

Result<std::unique_ptr<Catalog>> open_catalog(const std::filesystem::path& path) {
  auto database = Database::open(path, kWaitMs);
  if (!database) return std::unexpected(database.error());
  auto words = WordIndex::attach(**database);
  if (!words) return std::unexpected(words.error());
  // Whose file it is comes first: another program's database is not touched.
  for (const auto prepare : {+[](Database& d) { return migrate(d, catalog_schema_steps()); },
                             +[](Database& d) { return use_write_ahead_log(d, kWaitMs); },
                             +[](Database& d) {
                               return d.run_script(
                                   "PRAGMA synchronous = FULL;"  // a commit survives a power cut
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA cell_size_check = ON;"
                                   "PRAGMA temp_store = MEMORY;"            // a savepoint an item: no file for each
                                   "PRAGMA cache_size = -32768;"            // KiB
                                   "PRAGMA journal_size_limit = 67108864;"  // bytes
                               );
                             }})
    if (auto done = prepare(**database); !done) return std::unexpected(done.error());
  return std::make_unique<SqliteCatalog>(*std::move(database), *std::move(words), path);
}

}  // namespace warifu
