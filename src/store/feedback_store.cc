#include "store/feedback_store.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <mutex>
#include <system_error>

#include "base/file.h"
#include "base/hash.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;

constexpr int kWaitMs = 5000;
constexpr DatabaseKind kFeedbackKind = {0x57524646, "file of feedback"};  // "WRFF"
constexpr const char* kFile = "feedback.db";
constexpr const char* kPictures = "pictures";

// Times are seconds since 1970 UTC. `number` orders judgements by when they were made.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE queries (
  id TEXT PRIMARY KEY,
  text TEXT NOT NULL,
  item TEXT NOT NULL,
  picture TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX queries_by_picture ON queries (picture);

CREATE TABLE judgements (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  query TEXT NOT NULL REFERENCES queries ON DELETE CASCADE,
  item TEXT NOT NULL,
  who TEXT NOT NULL,
  is_right INTEGER NOT NULL,
  rank INTEGER,
  distance INTEGER,
  confidence TEXT NOT NULL,
  time INTEGER NOT NULL,
  UNIQUE (query, item, who)
);
)sql";
constexpr std::array kSteps = {kVersion1};

// An immediate transaction, taken back unless keep() is called.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database) {
    if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
    return Transaction(database);
  }
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (database_ != nullptr && database_->in_transaction()) static_cast<void>(database_->run("ROLLBACK"));
  }
  Result<void> keep() {
    auto kept = database_->run("COMMIT");
    if (kept) database_ = nullptr;
    return kept;
  }

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

void bind_count(Statement& statement, int parameter, const std::optional<std::size_t>& value) {
  if (value) {
    statement.bind(parameter, static_cast<std::int64_t>(*value));
  } else {
    statement.bind_null(parameter);
  }
}

std::optional<std::size_t> count_at(const Statement& statement, int column) {
  if (statement.is_null(column)) return std::nullopt;
  return static_cast<std::size_t>(statement.integer(column));
}

Fail full(const std::string& what) {
  return fail(ErrorCode::kUnavailable, "no more than " + what + " are kept",
              "take them out ('warifu feedback --output jsonl'), stop the server, and move the workspace's folder "
              "'feedback' away");
}

}  // namespace

std::string JudgedQuery::id() const {
  // Lengths before the parts: no two queries are written the same.
  std::string whole;
  for (const std::string* part : {&text, &item_id, &picture}) whole += std::to_string(part->size()) + ":" + *part;
  return content_hash(std::string_view(whole));
}

class FeedbackStore::Impl {
 public:
  Impl(fs::path folder, std::unique_ptr<Database> database)
      : folder_(std::move(folder)), database_(std::move(database)) {}

  Result<void> put(const Judgement& judgement, std::span<const std::byte> picture) {
    const std::lock_guard lock(mutex_);
    auto written = write(judgement, picture);
    if (!written && !picture.empty()) remove_unneeded(judgement.query.picture);
    return written;
  }
  Result<void> take_back(const JudgedQuery& query, std::string_view item, std::string_view who);
  Result<std::vector<Judgement>> judgements(std::size_t limit);
  Result<FeedbackCounts> counts();
  Result<void> backup(const fs::path& target);
  fs::path pictures() const { return folder_ / kPictures; }

 private:
  fs::path picture_path(std::string_view hash) const { return pictures() / picture_name(hash); }
  Result<bool> has_picture(std::string_view hash);
  Result<void> write(const Judgement& judgement, std::span<const std::byte> picture);
  Result<void> remove_unneeded(std::string_view hash);  // a picture that no query has
  Result<void> keep_picture(std::string_view hash, std::span<const std::byte> bytes);
  // Unless nothing more is taken: what replaces one's own judgement always is.
  Result<void> has_place(std::string_view query, const Judgement& judgement);

  std::mutex mutex_;  // a connection belongs to one thread at a time
  fs::path folder_;
  std::unique_ptr<Database> database_;
};

Result<bool> FeedbackStore::Impl::has_picture(std::string_view hash) {
  auto statement = database_->prepare("SELECT 1 FROM queries WHERE picture = ?1 LIMIT 1");
  if (!statement) return std::unexpected(statement.error());
  return statement->bind(1, hash).step();
}

Result<void> FeedbackStore::Impl::keep_picture(std::string_view hash, std::span<const std::byte> bytes) {
  const auto known = has_picture(hash);
  if (!known) return std::unexpected(known.error());
  std::error_code failure;
  if (*known && fs::exists(picture_path(hash), failure)) return {};
  const auto kept = database_->number("SELECT count(DISTINCT picture) FROM queries WHERE picture <> ''");
  if (!kept) return std::unexpected(kept.error());
  if (*kept >= static_cast<std::int64_t>(kMostPictures))
    return full(std::to_string(kMostPictures) + " judged pictures");
  fs::create_directories(folder_ / kPictures, failure);
  if (failure) return fail(ErrorCode::kIo, (folder_ / kPictures).string() + ": " + failure.message());
  return write_file_atomically(picture_path(hash), bytes);
}

Result<void> FeedbackStore::Impl::has_place(std::string_view query, const Judgement& judgement) {
  const auto count = database_->number("SELECT count(*) FROM judgements");
  if (!count) return std::unexpected(count.error());
  if (*count < static_cast<std::int64_t>(kMost)) return {};
  auto own = database_->prepare("SELECT 1 FROM judgements WHERE query = ?1 AND item = ?2 AND who = ?3");
  if (!own) return std::unexpected(own.error());
  const auto replaced = own->bind(1, query).bind(2, judgement.item).bind(3, judgement.who).step();
  if (!replaced) return std::unexpected(replaced.error());
  if (*replaced) return {};
  return full(std::to_string(kMost) + " judgements");
}

Result<void> FeedbackStore::Impl::remove_unneeded(std::string_view hash) {
  const auto needed = has_picture(hash);
  if (!needed) return std::unexpected(needed.error());
  std::error_code failure;
  if (!*needed) fs::remove(picture_path(hash), failure);
  return {};
}

Result<void> FeedbackStore::Impl::write(const Judgement& judgement, std::span<const std::byte> picture) {
  assert(judgement.query.picture.empty() ? picture.empty() : judgement.query.picture == content_hash(picture));
  auto transaction = Transaction::begin(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const std::string id = judgement.query.id();
  if (auto fits = has_place(id, judgement); !fits) return fits;
  // First the picture: a query never lacks its own.
  if (!picture.empty())
    if (auto kept = keep_picture(judgement.query.picture, picture); !kept) return kept;
  {
    auto query = database_->prepare("INSERT OR IGNORE INTO queries (id, text, item, picture) VALUES (?1, ?2, ?3, ?4)");
    if (!query) return std::unexpected(query.error());
    query->bind(1, id).bind(2, judgement.query.text).bind(3, judgement.query.item_id).bind(4, judgement.query.picture);
    if (auto done = query->run(); !done) return done;
  }
  {
    // Replaced, not changed: it gets a new number, being the newest now.
    auto row = database_->prepare(
        "INSERT OR REPLACE INTO judgements (query, item, who, is_right, rank, distance, confidence, time) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    if (!row) return std::unexpected(row.error());
    row->bind(1, id).bind(2, judgement.item).bind(3, judgement.who).bind(4, std::int64_t{judgement.right});
    bind_count(*row, 5, judgement.rank);
    bind_count(*row, 6, judgement.distance);
    row->bind(7, judgement.confidence).bind(8, std::int64_t{judgement.time.time_since_epoch().count()});
    if (auto done = row->run(); !done) return done;
  }
  return transaction->keep();
}

Result<void> FeedbackStore::Impl::take_back(const JudgedQuery& query, std::string_view item, std::string_view who) {
  const std::lock_guard lock(mutex_);
  const std::string id = query.id();
  auto transaction = Transaction::begin(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  {
    auto row = database_->prepare("DELETE FROM judgements WHERE query = ?1 AND item = ?2 AND who = ?3");
    if (!row) return std::unexpected(row.error());
    if (auto done = row->bind(1, id).bind(2, item).bind(3, who).run(); !done) return done;
  }
  {
    auto unused = database_->prepare(
        "DELETE FROM queries WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM judgements WHERE query = ?1)");
    if (!unused) return std::unexpected(unused.error());
    if (auto done = unused->bind(1, id).run(); !done) return done;
  }
  if (auto kept = transaction->keep(); !kept) return kept;
  if (query.picture.empty()) return {};
  return remove_unneeded(query.picture);
}

Result<std::vector<Judgement>> FeedbackStore::Impl::judgements(std::size_t limit) {
  const std::lock_guard lock(mutex_);
  auto statement = database_->prepare(
      "SELECT q.text, q.item, q.picture, j.item, j.who, j.is_right, j.rank, j.distance, j.confidence, j.time "
      "FROM judgements j JOIN queries q ON q.id = j.query ORDER BY j.number DESC LIMIT ?1");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, static_cast<std::int64_t>(std::min(limit, kMost)));
  std::vector<Judgement> all;
  for (;;) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return all;
    all.push_back({.query = {statement->text(0), statement->text(1), statement->text(2)},
                   .item = statement->text(3),
                   .who = statement->text(4),
                   .right = statement->integer(5) != 0,
                   .rank = count_at(*statement, 6),
                   .distance = count_at(*statement, 7),
                   .confidence = statement->text(8),
                   .time = std::chrono::sys_seconds(std::chrono::seconds(statement->integer(9)))});
  }
}

Result<FeedbackCounts> FeedbackStore::Impl::counts() {
  const std::lock_guard lock(mutex_);
  auto statement =
      database_->prepare("SELECT count(*), coalesce(sum(is_right), 0), (SELECT count(*) FROM queries) FROM judgements");
  if (!statement) return std::unexpected(statement.error());
  if (const auto row = statement->step(); !row) return std::unexpected(row.error());
  const auto right = static_cast<std::size_t>(statement->integer(1));
  return FeedbackCounts{right, static_cast<std::size_t>(statement->integer(0)) - right,
                        static_cast<std::size_t>(statement->integer(2))};
}

Result<void> FeedbackStore::Impl::backup(const fs::path& target) {
  const std::lock_guard lock(mutex_);
  std::error_code failure;
  fs::create_directories(target / kPictures, failure);
  if (failure) return fail(ErrorCode::kIo, target.string() + ": " + failure.message());
  {
    auto statement = database_->prepare("VACUUM INTO ?1");
    if (!statement) return std::unexpected(statement.error());
    if (auto done = statement->bind(1, (target / kFile).string()).run(); !done) return done;
  }
  auto pictures = database_->prepare("SELECT DISTINCT picture FROM queries WHERE picture <> ''");
  if (!pictures) return std::unexpected(pictures.error());
  for (;;) {
    const auto row = pictures->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    const fs::path from = picture_path(pictures->text(0));
    fs::copy_file(from, target / kPictures / from.filename(), failure);
    if (failure && failure != std::errc::no_such_file_or_directory)
      return fail(ErrorCode::kIo, from.string() + ": " + failure.message(), "see that the disk has room");
  }
}

FeedbackStore::FeedbackStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FeedbackStore::~FeedbackStore() = default;

Result<std::unique_ptr<FeedbackStore>> FeedbackStore::open(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  auto database = Database::open(folder / kFile, kWaitMs);
  if (!database) return std::unexpected(database.error());
  for (const auto prepare : {+[](Database& d) { return migrate(d, kSteps, kFeedbackKind); },
                             +[](Database& d) { return use_write_ahead_log(d, kWaitMs); },
                             +[](Database& d) {
                               return d.run_script(
                                   "PRAGMA synchronous = FULL;"  // a judgement survives a power cut
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA secure_delete = ON;"  // what is taken back is gone
                                   "PRAGMA cell_size_check = ON;");
                             }})
    if (auto done = prepare(**database); !done) return std::unexpected(done.error());
  return std::unique_ptr<FeedbackStore>(new FeedbackStore(std::make_unique<Impl>(folder, *std::move(database))));
}

Result<void> FeedbackStore::put(const Judgement& judgement, std::span<const std::byte> picture) {
  return impl_->put(judgement, picture);
}
Result<void> FeedbackStore::take_back(const JudgedQuery& query, std::string_view item, std::string_view who) {
  return impl_->take_back(query, item, who);
}
Result<std::vector<Judgement>> FeedbackStore::judgements(std::size_t limit) const { return impl_->judgements(limit); }
Result<FeedbackCounts> FeedbackStore::counts() const { return impl_->counts(); }
fs::path FeedbackStore::pictures() const { return impl_->pictures(); }
std::string FeedbackStore::picture_name(std::string_view hash) { return std::string(hash) + ".webp"; }
Result<void> FeedbackStore::backup(const fs::path& target) const { return impl_->backup(target); }

}  // namespace warifu
