#include "security/access_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "base/file_descriptor.h"
#include "base/utf8.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace warifu {
namespace {

constexpr int kWaitMs = 5000;
constexpr DatabaseKind kAccessKind = {0x57524641, "file of users and keys"};  // "WRFA"

// Times are seconds since 1970 UTC, last_used days. `hash`: BLAKE2b-256 of the whole key in hex. `scopes`: their names
// with commas. Revoked keys stay, so that the audit log's key ids keep their meaning, until their user is removed.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE users (
  name TEXT PRIMARY KEY,
  disabled INTEGER NOT NULL,
  created INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE user_groups (
  user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (user, name)
) WITHOUT ROWID;

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  hash TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER,
  note TEXT NOT NULL,
  revoked INTEGER NOT NULL,
  last_used INTEGER
) WITHOUT ROWID;
CREATE INDEX keys_by_user ON keys (user);
)sql";
constexpr std::array kSteps = {kVersion1};

constexpr std::string_view kPrefix = "wrf_";
constexpr std::size_t kIdChars = 8;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretChars = 43;  // base64url without padding
constexpr std::size_t kTokenChars = kPrefix.size() + kIdChars + 1 + kSecretChars;
constexpr std::string_view kIdAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";  // without those that people mix up
constexpr std::size_t kMaxNoteBytes = 200;
constexpr std::chrono::seconds kMaxLifetime = std::chrono::days(36525);

using Hash = std::array<unsigned char, crypto_generichash_BYTES>;
static_assert(crypto_generichash_BYTES == 32);

Hash hash_of(std::string_view token) {
  Hash hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(token.data()), token.size(),
                     nullptr, 0);
  return hash;
}

std::string hex_of(const Hash& hash) {
  std::array<char, 2 * sizeof(Hash) + 1> text{};
  sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
  return text.data();
}

std::optional<Hash> from_hex(const std::string& text) {
  Hash hash{};
  std::size_t bytes = 0;
  const int status = sodium_hex2bin(hash.data(), hash.size(), text.data(), text.size(), nullptr, &bytes, nullptr);
  if (status != 0 || bytes != hash.size()) return std::nullopt;
  return hash;
}

std::string random_id() {
  std::string id(kIdChars, ' ');
  for (char& c : id) c = kIdAlphabet[randombytes_uniform(kIdAlphabet.size())];
  return id;
}

std::string random_secret() {
  std::array<unsigned char, kSecretBytes> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::array<char, sodium_base64_ENCODED_LEN(kSecretBytes, kVariant)> text{};
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
  sodium_memzero(bytes.data(), bytes.size());
  return text.data();
}

// The id of what has the shape of a key.
std::optional<std::string_view> id_of(std::string_view token) {
  if (token.size() != kTokenChars || !token.starts_with(kPrefix) || token[kPrefix.size() + kIdChars] != '_')
    return std::nullopt;
  return token.substr(kPrefix.size(), kIdChars);
}

std::string joined(const std::vector<std::string_view>& names) { return fmt::format("{}", fmt::join(names, ",")); }

Result<Scopes> stored_scopes(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    names.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parse_scopes(names);
}

Result<void> check_note(std::string_view note) {
  const bool printable =
      std::ranges::none_of(note, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (note.size() <= kMaxNoteBytes && printable && repair_utf8(note) == note) return {};
  return fail(ErrorCode::kInvalidArgument, "this cannot be the note of a key",
              fmt::format("use up to {} bytes of UTF-8 without line breaks", kMaxNoteBytes));
}

std::chrono::sys_seconds system_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::chrono::sys_seconds from_seconds(std::int64_t seconds) {
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

// A key as authenticate() needs it.
struct KnownKey {
  Hash hash{};
  Principal principal;
  std::optional<std::chrono::sys_seconds> expires;
  std::optional<std::chrono::sys_days> last_used;
  bool usable = false;  // neither revoked nor of a disabled user
};

}  // namespace

class AccessStore::Impl {
 public:
  Impl(std::unique_ptr<Database> database, Clock clock) : database_(std::move(database)), clock_(std::move(clock)) {}

  // `work` in a transaction, under the lock, with whoever must agree.
  Result<void> change(std::string_view subject, const BeforeCommit& before_commit,
                      const std::function<Result<void>()>& work) {
    const std::lock_guard guard(mutex_);
    if (auto begun = database_->run("BEGIN IMMEDIATE"); !begun) return begun;
    auto done = work();
    if (done && before_commit) done = before_commit(subject);
    if (done) done = database_->run("COMMIT");
    if (!done && database_->in_transaction()) static_cast<void>(database_->run("ROLLBACK"));
    loaded_.reset();  // data_version tells of others' changes only
    return done;
  }

  Result<void> require_user(std::string_view name) {
    auto statement = database_->prepare("SELECT 1 FROM users WHERE name = ?1");
    if (!statement) return std::unexpected(statement.error());
    const auto found = statement->bind(1, name).step();
    if (!found) return std::unexpected(found.error());
    if (*found) return {};
    return fail(ErrorCode::kNotFound, "no user is called '" + repair_utf8(utf8_prefix(name, 64)) + "'",
                "'warifu users list' shows them");
  }

  Result<void> insert_user(std::string_view name) {
    auto statement =
        database_->prepare("INSERT INTO users (name, disabled, created) VALUES (?1, 0, ?2) ON CONFLICT DO NOTHING");
    if (!statement) return std::unexpected(statement.error());
    if (auto done = statement->bind(1, name).bind(2, clock_().time_since_epoch().count()).run(); !done) return done;
    if (database_->changed_rows() == 1) return {};
    return fail(ErrorCode::kInvalidArgument, "there is a user '" + std::string(name) + "' already",
                "'warifu users groups' changes the groups of a user");
  }

  Result<void> replace_groups(std::string_view name, std::span<const std::string> groups) {
    auto forget = database_->prepare("DELETE FROM user_groups WHERE user = ?1");
    if (!forget) return std::unexpected(forget.error());
    if (auto done = forget->bind(1, name).run(); !done) return done;
    for (const std::string& group : groups) {
      auto insert = database_->prepare("INSERT INTO user_groups (user, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
      if (!insert) return std::unexpected(insert.error());
      if (auto done = insert->bind(1, name).bind(2, group).run(); !done) return done;
    }
    return {};
  }

  Result<void> disable(std::string_view name, bool disabled) {
    if (auto there = require_user(name); !there) return there;
    auto statement = database_->prepare("UPDATE users SET disabled = ?2 WHERE name = ?1");
    if (!statement) return std::unexpected(statement.error());
    return statement->bind(1, name).bind(2, std::int64_t{disabled}).run();
  }

  Result<void> remove(std::string_view name) {
    if (auto there = require_user(name); !there) return there;
    auto statement = database_->prepare("DELETE FROM users WHERE name = ?1");
    if (!statement) return std::unexpected(statement.error());
    return statement->bind(1, name).run();
  }

  Result<void> insert_key(const ApiKey& key, const Hash& hash) {
    if (auto there = require_user(key.user); !there) return there;
    auto statement = database_->prepare(
        "INSERT INTO keys (id, user, hash, scopes, created, expires, note, revoked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
        "?7, 0)");
    if (!statement) return std::unexpected(statement.error());
    statement->bind(1, key.id).bind(2, key.user).bind(3, hex_of(hash)).bind(4, joined(key.scopes.names()));
    statement->bind(5, key.created.time_since_epoch().count());
    if (key.expires) statement->bind(6, key.expires->time_since_epoch().count());
    return statement->bind(7, key.note).run();
  }

  Result<void> revoke(std::string_view id) {
    auto statement = database_->prepare("UPDATE keys SET revoked = 1 WHERE id = ?1");
    if (!statement) return std::unexpected(statement.error());
    if (auto done = statement->bind(1, id).run(); !done) return done;
    if (database_->changed_rows() == 1) return {};
    // Somebody may have given the whole key: its secret must not get into logs.
    return fail(ErrorCode::kNotFound,
                id.size() == kIdChars ? "no key has the id '" + repair_utf8(id) + "'" : "no key has this id",
                "an id has 8 characters: in wrf_abcdefgh_… it is abcdefgh; 'warifu keys list' shows them");
  }

  std::chrono::sys_seconds now() const { return clock_(); }

  Result<std::vector<User>> users() {
    const std::lock_guard guard(mutex_);
    const auto snapshot = ReadSnapshot::take(*database_);
    if (!snapshot) return std::unexpected(snapshot.error());
    auto statement = database_->prepare(
        "SELECT name, disabled, created, (SELECT count(*) FROM keys WHERE user = users.name AND revoked = 0 AND "
        "(expires IS NULL OR expires > ?1)) FROM users ORDER BY name");
    if (!statement) return std::unexpected(statement.error());
    statement->bind(1, clock_().time_since_epoch().count());
    std::vector<User> all;
    for (;;) {
      const auto row = statement->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      all.push_back({.name = statement->text(0),
                     .groups = {},
                     .disabled = statement->integer(1) != 0,
                     .created = from_seconds(statement->integer(2)),
                     .keys = static_cast<std::uint64_t>(statement->integer(3))});
    }
    const auto groups = groups_by_user();
    if (!groups) return std::unexpected(groups.error());
    for (User& user : all)
      if (const auto at = groups->find(user.name); at != groups->end()) user.groups = at->second;
    return all;
  }

  Result<std::vector<ApiKey>> keys() {
    const std::lock_guard guard(mutex_);
    auto statement = database_->prepare(
        "SELECT id, user, scopes, created, expires, note, revoked, last_used FROM keys ORDER BY user, created, id");
    if (!statement) return std::unexpected(statement.error());
    std::vector<ApiKey> all;
    for (;;) {
      const auto row = statement->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) return all;
      const auto scopes = stored_scopes(statement->text(2));
      if (!scopes) return damaged(statement->text(0));
      ApiKey key{.id = statement->text(0),
                 .user = statement->text(1),
                 .scopes = *scopes,
                 .created = from_seconds(statement->integer(3)),
                 .expires = {},
                 .note = statement->text(5),
                 .revoked = statement->integer(6) != 0,
                 .last_used = {}};
      if (!statement->is_null(4)) key.expires = from_seconds(statement->integer(4));
      if (!statement->is_null(7)) key.last_used = std::chrono::sys_days(std::chrono::days(statement->integer(7)));
      all.push_back(std::move(key));
    }
  }

  Result<bool> any_users() {
    const std::lock_guard guard(mutex_);
    if (auto fresh = refresh(); !fresh) return std::unexpected(fresh.error());
    return any_users_;
  }

  Result<std::optional<Principal>> authenticate(std::string_view token) {
    const auto id = id_of(token);
    if (!id) return std::optional<Principal>();
    const Hash hash = hash_of(token);  // outside the lock: the only thing here that computes
    const std::lock_guard guard(mutex_);
    if (auto fresh = refresh(); !fresh) return std::unexpected(fresh.error());
    const auto at = known_.find(*id);
    // An unknown id is compared too, with what nothing hashes to.
    static const KnownKey kNobody{};
    const KnownKey& key = at == known_.end() ? kNobody : at->second;
    const bool same = sodium_memcmp(hash.data(), key.hash.data(), hash.size()) == 0;
    const auto time = clock_();
    if (!same || !key.usable || (key.expires && *key.expires <= time)) return std::optional<Principal>();
    note_use(at->second, std::chrono::floor<std::chrono::days>(time));
    return std::optional<Principal>(key.principal);
  }

  Result<std::optional<Principal>> principal_of(std::string_view id) {
    const std::lock_guard guard(mutex_);
    if (auto fresh = refresh(); !fresh) return std::unexpected(fresh.error());
    const auto at = known_.find(std::string(id));
    if (at == known_.end() || !at->second.usable || (at->second.expires && *at->second.expires <= clock_()))
      return std::optional<Principal>();
    return std::optional<Principal>(at->second.principal);
  }

 private:
  Fail damaged(const std::string& id) const {
    return fail(ErrorCode::kBadFormat,
                database_->place() + ": what is kept of key '" + repair_utf8(id) + "' is damaged",
                "restore access.db from a backup, or remove the key's user");
  }

  Result<std::map<std::string, std::vector<std::string>>> groups_by_user() {
    auto statement = database_->prepare("SELECT user, name FROM user_groups ORDER BY user, name");
    if (!statement) return std::unexpected(statement.error());
    std::map<std::string, std::vector<std::string>> groups;
    for (;;) {
      const auto row = statement->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) return groups;
      groups[statement->text(0)].push_back(statement->text(1));
    }
  }

  // Reads the tables anew where somebody has changed them.
  Result<void> refresh() {
    // First: what is changed after this question is seen by the next one.
    const auto version = database_->number("PRAGMA data_version");
    if (!version) return std::unexpected(version.error());
    if (loaded_ == *version) return {};
    const auto snapshot = ReadSnapshot::take(*database_);
    if (!snapshot) return std::unexpected(snapshot.error());
    const auto count = database_->number("SELECT count(*) FROM users");
    if (!count) return std::unexpected(count.error());
    const auto groups = groups_by_user();
    if (!groups) return std::unexpected(groups.error());
    auto statement = database_->prepare(
        "SELECT id, user, hash, scopes, expires, last_used, revoked, disabled FROM keys JOIN users ON users.name = "
        "user");
    if (!statement) return std::unexpected(statement.error());
    std::map<std::string, KnownKey, std::less<>> known;
    for (;;) {
      const auto row = statement->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      const auto hash = from_hex(statement->text(2));
      const auto scopes = stored_scopes(statement->text(3));
      if (!hash || !scopes) return damaged(statement->text(0));
      KnownKey key;
      key.hash = *hash;
      key.principal = {.name = statement->text(1),
                       .key_id = statement->text(0),
                       .scopes = *scopes,
                       .groups = {},
                       .sees_everything = scopes->has(Scope::kAdmin)};
      if (const auto at = groups->find(key.principal.name); at != groups->end()) key.principal.groups = at->second;
      if (!statement->is_null(4)) key.expires = from_seconds(statement->integer(4));
      if (!statement->is_null(5)) key.last_used = std::chrono::sys_days(std::chrono::days(statement->integer(5)));
      key.usable = statement->integer(6) == 0 && statement->integer(7) == 0;
      known.emplace(statement->text(0), std::move(key));
    }
    known_ = std::move(known);
    any_users_ = *count > 0;
    loaded_ = *version;
    return {};
  }

  // Once a day and key. It only informs a person: a full disk or a busy file must not keep anybody out or waiting.
  void note_use(KnownKey& key, std::chrono::sys_days today) {
    if (key.last_used && *key.last_used >= today) return;
    static_cast<void>(database_->run("PRAGMA busy_timeout = 0"));
    auto statement = database_->prepare("UPDATE keys SET last_used = ?2 WHERE id = ?1");
    if (statement) {
      statement->bind(1, key.principal.key_id).bind(2, std::int64_t{today.time_since_epoch().count()});
      static_cast<void>(statement->run());
    }
    static_cast<void>(database_->run("PRAGMA busy_timeout = 5000"));
    key.last_used = today;  // where it failed, tomorrow is another day
  }

  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  Clock clock_;
  std::map<std::string, KnownKey, std::less<>> known_;  // by id
  bool any_users_ = false;
  std::optional<std::int64_t> loaded_;  // data_version of known_
};

AccessStore::AccessStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AccessStore::~AccessStore() = default;

Result<std::unique_ptr<AccessStore>> AccessStore::open(const std::filesystem::path& path, Clock clock) {
  if (sodium_init() < 0) return fail(ErrorCode::kInternal, "libsodium cannot be started");
  {
    // SQLite gives its -wal and -shm files the mode of this one.
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (file.get() < 0) return system_error(path, errno);
  }
  auto database = Database::open(path, kWaitMs);
  if (!database) return std::unexpected(database.error());
  for (const auto prepare : {+[](Database& d) { return migrate(d, kSteps, kAccessKind); },
                             +[](Database& d) { return use_write_ahead_log(d, kWaitMs); },
                             +[](Database& d) {
                               return d.run_script(
                                   "PRAGMA synchronous = FULL;"  // a revoked key stays revoked after a power cut
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA secure_delete = ON;"
                                   "PRAGMA cell_size_check = ON;");
                             }})
    if (auto done = prepare(**database); !done) return std::unexpected(done.error());
  if (!clock) clock = system_now;
  return std::unique_ptr<AccessStore>(new AccessStore(std::make_unique<Impl>(*std::move(database), std::move(clock))));
}

Result<void> AccessStore::create_user(std::string_view name, std::span<const std::string> groups,
                                      const BeforeCommit& before_commit) {
  if (auto named = check_user_name(name); !named) return named;
  for (const std::string& group : groups)
    if (auto named = check_group_name(group); !named) return named;
  return impl_->change(name, before_commit, [&]() -> Result<void> {
    if (auto done = impl_->insert_user(name); !done) return done;
    return impl_->replace_groups(name, groups);
  });
}

Result<void> AccessStore::set_groups(std::string_view name, std::span<const std::string> groups,
                                     const BeforeCommit& before_commit) {
  for (const std::string& group : groups)
    if (auto named = check_group_name(group); !named) return named;
  return impl_->change(name, before_commit, [&]() -> Result<void> {
    if (auto there = impl_->require_user(name); !there) return there;
    return impl_->replace_groups(name, groups);
  });
}

Result<void> AccessStore::set_disabled(std::string_view name, bool disabled, const BeforeCommit& before_commit) {
  return impl_->change(name, before_commit, [&] { return impl_->disable(name, disabled); });
}

Result<void> AccessStore::remove_user(std::string_view name, const BeforeCommit& before_commit) {
  return impl_->change(name, before_commit, [&] { return impl_->remove(name); });
}

Result<std::vector<User>> AccessStore::list_users() { return impl_->users(); }

Result<bool> AccessStore::any_users() { return impl_->any_users(); }

Result<NewKey> AccessStore::create_key(std::string_view user, Scopes scopes,
                                       std::optional<std::chrono::seconds> lifetime, std::string_view note,
                                       const BeforeCommit& before_commit) {
  if (scopes.empty()) return std::unexpected(parse_scopes({}).error());
  if (auto fine = check_note(note); !fine) return std::unexpected(fine.error());
  if (lifetime && (*lifetime < std::chrono::seconds(1) || *lifetime > kMaxLifetime))
    return fail(ErrorCode::kInvalidArgument, fmt::format("a key cannot live for {} seconds", lifetime->count()),
                "between a second and 100 years");
  NewKey made;
  const auto now = impl_->now();
  made.key = {.id = random_id(),
              .user = std::string(user),
              .scopes = scopes,
              .created = now,
              .expires = {},
              .note = std::string(note),
              .revoked = false,
              .last_used = {}};
  if (lifetime) made.key.expires = now + *lifetime;
  made.token = std::string(kPrefix) + made.key.id + "_" + random_secret();
  auto done =
      impl_->change(made.key.id, before_commit, [&] { return impl_->insert_key(made.key, hash_of(made.token)); });
  if (!done) return std::unexpected(done.error());
  return made;
}

Result<void> AccessStore::revoke_key(std::string_view id, const BeforeCommit& before_commit) {
  return impl_->change(id, before_commit, [&] { return impl_->revoke(id); });
}

Result<std::vector<ApiKey>> AccessStore::list_keys() { return impl_->keys(); }

Result<std::optional<Principal>> AccessStore::principal_of(std::string_view id) { return impl_->principal_of(id); }

Result<std::optional<Principal>> AccessStore::authenticate(std::string_view token) {
  return impl_->authenticate(token);
}

Result<std::chrono::seconds> parse_lifetime(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::chrono::seconds each{0};
  if (unit == "m") each = std::chrono::minutes(1);
  if (unit == "h") each = std::chrono::hours(1);
  if (unit == "d") each = std::chrono::days(1);
  if (unit == "w") each = std::chrono::weeks(1);
  if (status == std::errc() && each.count() > 0 && count > 0 && count <= kMaxLifetime / each) return count * each;
  return fail(ErrorCode::kInvalidArgument, "'" + repair_utf8(utf8_prefix(text, 64)) + "' is no lifetime",
              "use a whole number and m, h, d or w, such as 90d; at most 100 years");
}

std::string utc_text(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{}T{:02}:{:02}:{:02}Z", utc_text(day), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

std::string utc_text(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

}  // namespace warifu
