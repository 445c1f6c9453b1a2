#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace warifu {

// SQLite as this room uses it: every status becomes an Error that names the file, statements are
// prepared once and given back clean. For store/ and the stores of security/. One thread at a time.
//
// Errors: kIo (full disk, broken device, cannot open), kBadFormat (not a database, damaged, tables
// missing), kUnavailable (locked by another program for longer than the waiting time).
class Database;

// A prepared statement in use; on destruction it is reset and its values are forgotten.
// Parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view value);
  Statement& bind_null(int parameter);

  // True: a row is there to be read. False: done. A failed bind() is reported here.
  Result<bool> step();
  Result<void> run();  // steps until done
  void reset();        // ready for the next values

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  friend class Database;
  Statement(const Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  void note(int status);
  const Database* database_;
  sqlite3_stmt* statement_;
  int failed_bind_ = SQLITE_OK;
};

class Database {
 public:
  // Opens or creates. Waits up to `wait_ms` for a lock before kUnavailable.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path, int wait_ms);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // `sql`: one statement, a string that outlives the database (a literal).
  Result<Statement> prepare(std::string_view sql);
  Result<void> run(std::string_view sql);              // prepare + run, no values
  Result<void> run_script(const std::string& script);  // several statements
  Result<std::int64_t> number(std::string_view sql);   // first column of the first row; 0 without one

  bool in_transaction() const;
  std::int64_t last_insert_row() const;
  std::int64_t changed_rows() const;  // of the latest statement
  const std::string& place() const { return place_; }

  Fail error(int status) const;
  sqlite3* handle() const { return handle_; }  // to add functions to the connection

 private:
  Database(sqlite3* handle, std::string place) : handle_(handle), place_(std::move(place)) {}
  sqlite3* handle_;
  std::string place_;
  std::map<std::string_view, sqlite3_stmt*> statements_;
};

// Changes to WAL, for which SQLite needs the file alone for a moment and does not wait by itself: up to `wait_ms`.
Result<void> use_write_ahead_log(Database& database, int wait_ms);

// One snapshot for several reads; none of its own where a transaction is open already.
class ReadSnapshot {
 public:
  static Result<ReadSnapshot> take(Database& database);
  ReadSnapshot(ReadSnapshot&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ReadSnapshot& operator=(ReadSnapshot&&) = delete;
  ~ReadSnapshot();

 private:
  explicit ReadSnapshot(Database* database) : database_(database) {}
  Database* database_;  // null: nothing to close
};

// A part of a transaction that is taken back unless keep() is called.
class Savepoint {
 public:
  static Result<Savepoint> begin(Database& database);
  Savepoint(Savepoint&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Savepoint& operator=(Savepoint&&) = delete;
  ~Savepoint();
  Result<void> keep();

 private:
  explicit Savepoint(Database* database) : database_(database) {}
  Database* database_;
};

}  // namespace warifu
