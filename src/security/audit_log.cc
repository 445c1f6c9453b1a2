#include "security/audit_log.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "base/file.h"
#include "base/file_descriptor.h"
#include "security/audit_folder.h"
#include "security/audit_line.h"

namespace warifu {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;  // to read one whole

Result<void> sync_folder(const std::filesystem::path& folder) {
  const FileDescriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0) return system_error(folder, errno);
  return {};
}

// One write, so that a killed process leaves the whole or nothing; a full disk may still accept a part.
Result<void> write_whole(int fd, std::string_view bytes, const std::filesystem::path& path) {
  ssize_t wrote = 0;
  do wrote = ::write(fd, bytes.data(), bytes.size());
  while (wrote < 0 && errno == EINTR);
  if (wrote == static_cast<ssize_t>(bytes.size())) return {};
  return system_error(path, wrote < 0 ? errno : ENOSPC);
}

// The end of a file: its last bytes, from `from` on, that hold the last whole line if there is one.
struct FileTail {
  std::uint64_t from = 0;
  std::string bytes;
  std::size_t whole = 0;  // up to behind the last '\n'; 0: no line ends here
  std::string_view last_line() const {
    const std::string_view lines = std::string_view(bytes).substr(0, whole - 1);
    const std::size_t before = lines.rfind('\n');
    return before == std::string_view::npos ? lines : lines.substr(before + 1);
  }
};

Result<FileTail> read_tail(int fd, std::uint64_t size, const std::filesystem::path& path) {
  for (std::uint64_t want = std::uint64_t{16} << 10;; want *= 8) {
    FileTail tail;
    tail.from = size - std::min(size, want);
    tail.bytes.resize(size - tail.from);
    for (std::size_t got = 0; got < tail.bytes.size();) {
      const ssize_t more =
          ::pread(fd, tail.bytes.data() + got, tail.bytes.size() - got, static_cast<off_t>(tail.from + got));
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) return system_error(path, more < 0 ? errno : EIO);
      got += static_cast<std::size_t>(more);
    }
    const std::size_t end = tail.bytes.rfind('\n');
    tail.whole = end == std::string::npos ? 0 : end + 1;
    // Whole only with the end of the line before it in sight.
    const bool complete = tail.whole > 1 && tail.bytes.rfind('\n', tail.whole - 2) != std::string::npos;
    if (complete || tail.from == 0) return tail;
    if (want > 4 * kMaxAuditLineBytes)
      return fail(ErrorCode::kBadFormat,
                  path.string() + ": no line ends in its last " + std::to_string(want) + " bytes",
                  "look with 'warifu audit verify'; to begin a new log move the folder elsewhere");
  }
}

}  // namespace

class AuditLog::Impl {
 public:
  Impl(std::filesystem::path folder, int lock_file, const AuditOptions& options)
      : folder_(std::move(folder)), options_(options), lock_file_(lock_file) {
    syncing_ = std::jthread([this](const std::stop_token& stop) { sync_now_and_then(stop); });
  }

  ~Impl() {
    syncing_.request_stop();
    syncing_.join();
    static_cast<void>(sync());  // who must know has asked before
  }

  // Finds the end of the log, and repairs it.
  Result<void> begin() {
    const std::lock_guard guard(mutex_);
    const auto lock = AuditLock::take(lock_file_.get(), folder_);
    if (!lock) return std::unexpected(lock.error());
    return find_end();
  }

  Result<void> append(const AuditEntry& entry) {
    const std::lock_guard guard(mutex_);
    if (broken_) return std::unexpected(*broken_);
    const auto lock = AuditLock::take(lock_file_.get(), folder_);
    if (!lock) return std::unexpected(lock.error());
    if (auto found = catch_up(); !found) return found;
    return write(entry);
  }

  Result<void> sync() {
    const std::lock_guard one_at_a_time(sync_mutex_);
    std::optional<FileDescriptor> file;
    std::filesystem::path path;
    {
      const std::lock_guard guard(mutex_);
      if (broken_) return std::unexpected(*broken_);
      unsynced_ = false;
      if (!file_) return {};
      path = path_;
      file.emplace(::fcntl(file_->get(), F_DUPFD_CLOEXEC, 0));
      if (file->get() < 0) return system_error(path, errno);
    }
    // Others append meanwhile.
    if (::fsync(file->get()) == 0) return {};
    return note_broken(path, errno);
  }

  std::string head() {
    const std::lock_guard guard(mutex_);
    return head_;
  }

 private:
  // After a failed fsync the system forgets which pages it could not write, and a second one would lie.
  Fail note_broken(const std::filesystem::path& path, int reason) {
    const std::lock_guard guard(mutex_);
    if (!broken_) {
      broken_ = system_error(path, reason).error();
      broken_->message += "; entries of the last moments may be lost";
      broken_->hint = "check the disk, then start this program again";
    }
    return Fail(*broken_);
  }

  void sync_now_and_then(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return unsynced_; })) {
      // The time in which entries gather for one fsync.
      if (changed_.wait_for(lock, stop, options_.sync_every, [] { return false; }) || stop.stop_requested()) return;
      lock.unlock();
      static_cast<void>(sync());  // append() says what failed
      lock.lock();
      if (broken_) return;
    }
  }

  // What another process appended since. The lock is held.
  Result<void> catch_up() {
    struct stat now {};
    if (file_) {
      if (::fstat(file_->get(), &now) != 0) return system_error(path_, errno);
      const auto size = static_cast<std::uint64_t>(now.st_size);
      struct stat next {};
      const bool last = ::stat((folder_ / audit_file_name(number_ + 1)).c_str(), &next) != 0;
      if (now.st_nlink > 0 && last && size == size_) return {};
      if (now.st_nlink == 0 || size < size_) return broken_by("it was shortened or removed while it was open");
    }
    const std::uint64_t known = seq_;
    if (auto found = find_end(); !found) {
      file_.reset();  // what is known of the end is half of it
      seq_ = known;
      return found;
    }
    if (seq_ < known) return broken_by("it lost lines while it was open");
    return {};
  }

  // For good: what is missing does not come back by asking again.
  Fail broken_by(const std::string& what) {
    broken_ = tampered(path_, what).error();
    return Fail(*broken_);
  }

  static Fail tampered(const std::filesystem::path& path, const std::string& what) {
    return fail(ErrorCode::kBadFormat, path.string() + ": " + what,
                "look with 'warifu audit verify'; to begin a new log move the folder elsewhere");
  }

  // Reads the end of the newest file anew. The lock is held, so what is incomplete stays so.
  Result<void> find_end() {
    const auto files = audit_files(folder_);
    if (!files) return std::unexpected(files.error());
    seq_ = 0;
    head_ = kNoAuditHead;
    if (files->empty()) return create_file(1);
    AuditEntry torn;
    for (auto at = files->rbegin(); at != files->rend(); ++at) {
      const bool newest = at == files->rbegin();
      const auto& [number, path] = *at;
      std::optional<FileDescriptor> file;
      file.emplace(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
      if (file->get() < 0) return system_error(path, errno);
      struct stat now {};
      if (::fstat(file->get(), &now) != 0) return system_error(path, errno);
      const auto size = static_cast<std::uint64_t>(now.st_size);
      const auto tail = read_tail(file->get(), size, path);
      if (!tail) return std::unexpected(tail.error());
      const std::uint64_t whole = tail->from + tail->whole;
      if (whole < size) {
        if (!newest) return tampered(path, "its last line is incomplete, but another file follows");
        auto aside = set_aside(file->get(), path, std::string_view(tail->bytes).substr(tail->whole), whole);
        if (!aside) return std::unexpected(aside.error());
        torn = *std::move(aside);
      }
      if (newest) {
        number_ = number;
        path_ = path;
        file_.emplace(file->release());
        size_ = whole;
      }
      if (tail->whole == 0) continue;  // empty: the line to chain to is in the file before
      const auto link = read_audit_link(tail->last_line());
      if (!link || !audit_hash_matches(tail->last_line(), *link))
        return tampered(path, "its last line is not as it was written");
      seq_ = link->seq;
      head_ = link->hash;
      break;
    }
    return torn.action.empty() ? Result<void>{} : write(torn);
  }

  // Moves the bytes behind the last whole line to audit.torn; the entry that says so.
  Result<AuditEntry> set_aside(int fd, const std::filesystem::path& path, std::string_view bytes, std::uint64_t whole) {
    const auto torn_path = folder_ / kAuditTornName;
    const FileDescriptor torn(::open(torn_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (torn.get() < 0) return system_error(torn_path, errno);
    if (auto kept = write_whole(torn.get(), std::string(bytes) + "\n", torn_path); !kept)
      return std::unexpected(kept.error());
    if (::fsync(torn.get()) != 0) return system_error(torn_path, errno);
    if (::ftruncate(fd, static_cast<off_t>(whole)) != 0) return system_error(path, errno);
    AuditEntry entry;
    entry.who = "local";
    entry.action = "audit.torn";
    entry.outcome = Outcome::kDone;
    entry.detail = {{"file", path.filename().string()},
                    {"at", static_cast<std::int64_t>(whole)},
                    {"bytes", static_cast<std::int64_t>(bytes.size())},
                    {"blake2b", audit_hash(bytes)}};
    return entry;
  }

  Result<void> create_file(std::uint64_t number) {
    const auto path = folder_ / audit_file_name(number);
    std::optional<FileDescriptor> file;
    file.emplace(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file->get() < 0) return system_error(path, errno);
    if (auto durable = sync_folder(folder_); !durable) return durable;
    number_ = number;
    path_ = path;
    file_.emplace(file->release());
    size_ = 0;
    return {};
  }

  // The lock is held, and the end known.
  Result<void> write(const AuditEntry& entry) {
    if (size_ >= options_.file_bytes) {
      if (::fsync(file_->get()) != 0) {
        broken_ = system_error(path_, errno).error();
        return std::unexpected(*broken_);
      }
      if (auto created = create_file(number_ + 1); !created) return created;
    }
    auto line = make_audit_line(entry, seq_ + 1, std::chrono::system_clock::now(), head_);
    if (line.text.size() > kMaxAuditLineBytes)
      return fail(ErrorCode::kInvalidArgument,
                  "an audit entry of " + std::to_string(line.text.size()) + " bytes is longer than 4 MiB",
                  "do it to fewer items at once");
    line.text += '\n';
    if (auto written = write_whole(file_->get(), line.text, path_); !written) {
      // Whatever went in is taken out again; where even that fails the next append finds a torn line.
      static_cast<void>(::ftruncate(file_->get(), static_cast<off_t>(size_)) == 0);
      return written;
    }
    size_ += line.text.size();
    ++seq_;
    head_ = std::move(line.hash);
    unsynced_ = true;
    changed_.notify_one();
    return {};
  }

  const std::filesystem::path folder_;
  const AuditOptions options_;
  const FileDescriptor lock_file_;

  std::mutex sync_mutex_;  // before mutex_
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool unsynced_ = false;
  std::optional<Error> broken_;
  // The newest file and what this object knows of its end.
  std::uint64_t number_ = 0;
  std::filesystem::path path_;
  std::optional<FileDescriptor> file_;
  std::uint64_t size_ = 0;
  std::uint64_t seq_ = 0;
  std::string head_;

  std::jthread syncing_;
};

AuditLog::AuditLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AuditLog::~AuditLog() = default;

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::filesystem::path& folder, const AuditOptions& options) {
  if (sodium_init() < 0) return fail(ErrorCode::kInternal, "libsodium cannot be started");
  if (::mkdir(folder.c_str(), 0700) == 0) {
    if (auto durable = sync_folder(folder.has_parent_path() ? folder.parent_path() : "."); !durable)
      return std::unexpected(durable.error());
  } else if (errno != EEXIST) {
    return system_error(folder, errno);
  }
  const auto lock_path = folder / kAuditLockName;
  const int lock_file = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_file < 0) return system_error(lock_path, errno);
  auto impl = std::make_unique<Impl>(folder, lock_file, options);
  if (auto begun = impl->begin(); !begun) return std::unexpected(begun.error());
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(impl)));
}

Result<void> AuditLog::append(const AuditEntry& entry) { return impl_->append(entry); }
Result<void> AuditLog::sync() { return impl_->sync(); }
std::string AuditLog::head() const { return impl_->head(); }

Result<std::vector<std::string>> last_audit_lines(const std::filesystem::path& folder, std::size_t count) {
  const auto files = audit_files(folder);
  if (!files) return std::unexpected(files.error());
  std::vector<std::string> lines;  // newest first
  for (auto at = files->rbegin(); at != files->rend() && lines.size() < count; ++at) {
    const auto bytes = read_text_file(at->second, kMaxFileBytes);
    if (!bytes) return std::unexpected(bytes.error());
    std::size_t end = bytes->rfind('\n');
    while (end != std::string::npos && lines.size() < count) {
      const std::size_t before = end == 0 ? std::string::npos : bytes->rfind('\n', end - 1);
      const std::size_t from = before == std::string::npos ? 0 : before + 1;
      lines.push_back(bytes->substr(from, end - from));
      end = before;
    }
  }
  std::ranges::reverse(lines);
  return lines;
}

}  // namespace warifu
