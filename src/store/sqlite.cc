#include "store/sqlite.h"

#include <chrono>
#include <cstring>
#include <thread>

namespace warifu {
namespace {

// No `default`-like guess for what SQLite may add: an unknown status is our bug.
ErrorCode classify(int status) {
  switch (status & 0xFF) {  // the primary code
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR:  // our statements are fixed, so a table or column of the file is missing
      return ErrorCode::kBadFormat;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
    case SQLITE_NOMEM:
      return ErrorCode::kIo;
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kInternal;
  }
}

std::string hint_for(int status) {
  switch (status & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program is writing it; try again when it has finished";
    case SQLITE_FULL:
      return "free some disk space and run the command again";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return "check that the folder exists and that you may write in it";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "restore the workspace from a backup, or remove it and ingest again";
    default:
      return {};
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      failed_bind_(other.failed_bind_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::note(int status) {
  if (failed_bind_ == SQLITE_OK) failed_bind_ = status;
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  note(sqlite3_bind_int64(statement_, parameter, value));
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view value) {
  // A null pointer would bind NULL, which is not the empty text.
  const char* bytes = value.data() == nullptr ? "" : value.data();
  note(sqlite3_bind_text64(statement_, parameter, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  note(sqlite3_bind_null(statement_, parameter));
  return *this;
}

Result<bool> Statement::step() {
  if (failed_bind_ != SQLITE_OK) return database_->error(failed_bind_);
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  return database_->error(status);
}

Result<void> Statement::run() {
  for (;;) {
    const auto row = step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(statement_);
  failed_bind_ = SQLITE_OK;
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path, int wait_ms) {
  std::error_code failed;
  const std::string place = std::filesystem::absolute(path, failed).string();  // ":memory:" must not be special
  const auto folder = std::filesystem::path(place).parent_path();
  if (failed || !std::filesystem::is_directory(folder, failed))
    return fail(ErrorCode::kNotFound, path.string() + ": folder '" + folder.string() + "' does not exist");
  sqlite3* handle = nullptr;
  const int status = sqlite3_open_v2(
      place.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  if (handle == nullptr) return fail(ErrorCode::kIo, path.string() + ": no memory for a database");
  std::unique_ptr<Database> database(new Database(handle, path.string()));
  if (status != SQLITE_OK) return database->error(status);
  sqlite3_busy_timeout(handle, wait_ms);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Result<Statement> Database::prepare(std::string_view sql) {
  auto at = statements_.find(sql);
  if (at == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    const int status = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                          &statement, nullptr);
    if (status != SQLITE_OK) return error(status);
    at = statements_.emplace(sql, statement).first;
  }
  return Statement(*this, at->second);
}

Result<void> Database::run(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  return statement->run();
}

Result<void> Database::run_script(const std::string& script) {
  const int status = sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return error(status);
  return {};
}

Result<std::int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

std::int64_t Database::last_insert_row() const { return sqlite3_last_insert_rowid(handle_); }

std::int64_t Database::changed_rows() const { return sqlite3_changes64(handle_); }

Fail Database::error(int status) const {
  // The handle's message belongs to its latest failure, which may be another one than `status`.
  const bool current = sqlite3_errcode(handle_) == status || sqlite3_extended_errcode(handle_) == status;
  const std::string reason = current ? sqlite3_errmsg(handle_) : sqlite3_errstr(status);
  return fail(classify(status), place_ + ": " + reason, hint_for(status));
}

Result<void> use_write_ahead_log(Database& database, int wait_ms) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  for (;;) {
    auto changed = database.run("PRAGMA journal_mode = WAL");
    if (changed || changed.error().code != ErrorCode::kUnavailable || std::chrono::steady_clock::now() > give_up)
      return changed;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Result<ReadSnapshot> ReadSnapshot::take(Database& database) {
  if (database.in_transaction()) return ReadSnapshot(nullptr);
  if (auto begun = database.run("BEGIN"); !begun) return std::unexpected(begun.error());
  return ReadSnapshot(&database);
}

ReadSnapshot::~ReadSnapshot() {
  if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK"));  // it read only: nothing to lose
}

Result<Savepoint> Savepoint::begin(Database& database) {
  if (auto begun = database.run("SAVEPOINT part"); !begun) return std::unexpected(begun.error());
  return Savepoint(&database);
}

Savepoint::~Savepoint() {
  // After a full disk SQLite may have rolled the whole transaction back: then there is no savepoint.
  if (database_ == nullptr || !database_->in_transaction()) return;
  if (database_->run("ROLLBACK TO part")) static_cast<void>(database_->run("RELEASE part"));
}

Result<void> Savepoint::keep() {
  auto released = database_->run("RELEASE part");
  if (released) database_ = nullptr;
  return released;
}

}  // namespace warifu
