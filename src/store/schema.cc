#include "store/schema.h"

#include <array>
#include <string>

namespace warifu {
namespace {

// kind: 0 label, 1 attribute. Values are kept as text in the rows themselves: an item has a handful,
// and every question is then one index away.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE items (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  image_uri TEXT NOT NULL,
  image_hash TEXT NOT NULL,
  text TEXT,
  revision INTEGER NOT NULL
);
CREATE INDEX items_by_revision ON items (revision);

CREATE TABLE item_values (
  item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  column TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (item, kind, column, value)
) WITHOUT ROWID;
CREATE INDEX items_by_value ON item_values (kind, column, value, item);

CREATE TABLE splits (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);
CREATE TABLE split_items (
  split INTEGER NOT NULL REFERENCES splits ON DELETE CASCADE,
  item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
  PRIMARY KEY (split, item)
) WITHOUT ROWID;
CREATE INDEX splits_by_item ON split_items (item);

CREATE TABLE rejections (
  number INTEGER PRIMARY KEY,
  place TEXT NOT NULL UNIQUE,
  reason TEXT NOT NULL,
  hint TEXT NOT NULL
);

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
)sql";

// item_words is filled with the functions of store/word_index.h. `porter` finds "shirts" by "shirt"; positions are kept
// (detail=full, the default), because a word of Japanese is a phrase of pairs of characters. value_names: each value
// once, by what it is looked up with while somebody types.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE items ADD COLUMN original_uri TEXT NOT NULL DEFAULT '';

CREATE TABLE item_groups (
  item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (item, name)
) WITHOUT ROWID;

CREATE TABLE removals (
  row INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL
);
CREATE INDEX removals_by_revision ON removals (revision);

CREATE TABLE value_names (
  folded TEXT NOT NULL,
  column TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (folded, column, value)
) WITHOUT ROWID;
INSERT INTO value_names SELECT DISTINCT keyword_fold(value), column, value FROM item_values;

CREATE VIRTUAL TABLE item_words USING fts5 (
  name, text, labels, tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO item_words (rowid, name, text, labels)
SELECT row, keyword_name(image_uri, id), keyword_document(text), keyword_document((
  SELECT group_concat(value, ' / ') FROM (
    SELECT value FROM item_values WHERE item = items.row ORDER BY kind, column, value)))
FROM items ORDER BY row;
)sql";

constexpr std::array kSteps = {kVersion1, kVersion2};

// The version of the file; an empty file has 0. Refuses what is not ours or is from the future.
Result<std::int64_t> version_of(Database& database, std::int64_t newest, const DatabaseKind& kind) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return version;
  const auto application = database.number("PRAGMA application_id");
  if (!application) return application;
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables;
  const bool empty = *version == 0 && *application == 0 && *tables == 0;
  const std::string name(kind.name);
  if (!empty && *application != kind.application_id)
    return fail(ErrorCode::kBadFormat, database.place() + ": a database of another program, not a Warifu " + name);
  if (*version > newest)
    return fail(ErrorCode::kIncompatible,
                database.place() + ": " + name + " of version " + std::to_string(*version) +
                    ", this program knows up to " + std::to_string(newest),
                "use the newer warifu that made this workspace");
  if (*version < 0)
    return fail(ErrorCode::kBadFormat, database.place() + ": " + name + " version " + std::to_string(*version));
  return version;
}

Result<void> apply(Database& database, std::span<const char* const> steps, const DatabaseKind& kind) {
  const auto newest = static_cast<std::int64_t>(steps.size());
  const auto version = version_of(database, newest, kind);  // again: another program may have been faster
  if (!version) return std::unexpected(version.error());
  for (std::int64_t step = *version; step < newest; ++step)
    if (auto done = database.run_script(steps[static_cast<std::size_t>(step)]); !done) return done;
  return database.run_script("PRAGMA application_id = " + std::to_string(kind.application_id) +
                             "; PRAGMA user_version = " + std::to_string(newest) + ";");
}

}  // namespace

std::span<const char* const> catalog_schema_steps() { return kSteps; }

Result<void> migrate(Database& database, std::span<const char* const> steps, const DatabaseKind& kind) {
  // In one transaction: another program may be making the schema between two of the questions.
  if (auto begun = database.run("BEGIN"); !begun) return begun;
  const auto version = version_of(database, static_cast<std::int64_t>(steps.size()), kind);
  if (auto ended = database.run("COMMIT"); !ended) return ended;
  if (!version) return std::unexpected(version.error());
  if (*version == static_cast<std::int64_t>(steps.size())) return {};
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return begun;
  auto applied = apply(database, steps, kind);
  if (applied) applied = database.run("COMMIT");
  if (!applied && database.in_transaction()) static_cast<void>(database.run("ROLLBACK"));
  return applied;
}

}  // namespace warifu
