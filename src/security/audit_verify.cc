#include "security/audit_verify.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/file_descriptor.h"
#include "security/audit_folder.h"
#include "security/audit_line.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxProblems = 100;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

class Verification {
 public:
  explicit Verification(const std::optional<std::string>& expected_head) : expected_head_(expected_head) {
    report_.head = kNoAuditHead;
    if (expected_head_ == kNoAuditHead) report_.expected_seq = 0;
  }

  // The first `size` bytes of it.
  Result<void> read(std::uint64_t number, const std::filesystem::path& path, std::uint64_t size, bool newest) {
    for (; next_file_ < number && report_.problem_count < kMaxProblems; ++next_file_)
      problem(audit_file_name(next_file_), "this file is missing");
    next_file_ = number + 1;
    name_ = path.filename().string();
    line_number_ = 0;
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_error(path, errno);
    std::string pending;  // of a line whose end is not read yet
    std::string piece;
    bool too_long = false;
    for (std::uint64_t at = 0; at < size;) {
      piece.resize(std::min<std::uint64_t>(kPieceBytes, size - at));
      const ssize_t got = ::pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error(path, errno);
      if (got == 0) break;  // somebody cuts it while we read: the end is then missing
      at += static_cast<std::uint64_t>(got);
      std::string_view rest(piece.data(), static_cast<std::size_t>(got));
      for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        pending += rest.substr(0, end);
        line(pending, too_long);
        pending.clear();
        too_long = false;
        rest.remove_prefix(end + 1);
      }
      pending += rest;
      if (pending.size() > kMaxAuditLineBytes) {
        too_long = true;
        pending.clear();
      }
    }
    if (!pending.empty() || too_long) {
      ++line_number_;
      problem(place(), newest ? "the last line is incomplete: a power cut, or somebody cut the file here"
                              : "the last line is incomplete, but another file follows");
    }
    return {};
  }

  AuditReport finish() {
    if (expected_head_ && !report_.expected_seq)
      problem(report_.lines == 0 ? "log" : place(),
              "no line has the hash " + *expected_head_ + ": the log was cut off before it, or it is another log");
    return std::move(report_);
  }

 private:
  std::string place() const { return name_ + ":" + std::to_string(line_number_); }

  void problem(std::string where, std::string what) {
    if (++report_.problem_count <= kMaxProblems) report_.problems.push_back({std::move(where), std::move(what)});
  }

  void line(std::string_view text, bool too_long) {
    ++line_number_;
    ++report_.lines;
    const auto link = too_long ? std::nullopt : read_audit_link(text);
    if (!link) {
      problem(place(), "this is no line of an audit log");
      follows_ = false;
      return;
    }
    if (!audit_hash_matches(text, *link)) {
      problem(place(), "the line was changed: its hash is another");
    } else if (!nlohmann::json::accept(text)) {
      problem(place(), "the line is not JSON");
    }
    // Behind a line that cannot be read nothing is expected: one change is one problem.
    if (follows_ && link->seq != report_.last_seq + 1) {
      problem(place(), "line " + std::to_string(link->seq) + " of the log follows line " +
                           std::to_string(report_.last_seq) + ": lines were removed, inserted or moved");
    } else if (follows_ && link->prev != report_.head) {
      problem(place(), "the line is chained to another one than the line before it");
    }
    follows_ = true;
    if (report_.first_seq == 0) report_.first_seq = link->seq;
    report_.last_seq = link->seq;
    report_.head = link->hash;
    if (expected_head_ && *expected_head_ == link->hash) report_.expected_seq = link->seq;
  }

  const std::optional<std::string>& expected_head_;
  AuditReport report_;
  std::uint64_t next_file_ = 1;
  std::string name_;
  std::uint64_t line_number_ = 0;
  bool follows_ = true;
};

struct SizedFile {
  std::filesystem::path path;
  std::uint64_t size = 0;
};

// While nobody appends, so that no line is seen by half.
Result<std::map<std::uint64_t, SizedFile>> files_now(const std::filesystem::path& folder) {
  // Where it cannot be locked (a copy on a read-only disk) nobody appends either.
  const FileDescriptor lock_file(::open((folder / kAuditLockName).c_str(), O_RDONLY | O_CLOEXEC));
  std::optional<AuditLock> lock;
  if (lock_file.get() >= 0) {
    auto taken = AuditLock::take(lock_file.get(), folder);
    if (!taken) return std::unexpected(taken.error());
    lock.emplace(*std::move(taken));
  }
  const auto paths = audit_files(folder);
  if (!paths) return std::unexpected(paths.error());
  std::map<std::uint64_t, SizedFile> files;
  for (const auto& [number, path] : *paths) {
    struct stat now {};
    if (::stat(path.c_str(), &now) != 0) return system_error(path, errno);
    files.emplace(number, SizedFile{path, static_cast<std::uint64_t>(now.st_size)});
  }
  return files;
}

}  // namespace

Result<AuditReport> verify_audit_log(const std::filesystem::path& folder,
                                     const std::optional<std::string>& expected_head) {
  if (sodium_init() < 0) return fail(ErrorCode::kInternal, "libsodium cannot be started");
  if (expected_head && (expected_head->size() != kNoAuditHead.size() ||
                        expected_head->find_first_not_of("0123456789abcdef") != std::string::npos))
    return fail(ErrorCode::kInvalidArgument, "the head of an audit log has 64 digits 0-9 and a-f",
                "'warifu audit verify' prints it");
  const auto files = files_now(folder);
  if (!files) return std::unexpected(files.error());
  Verification verification(expected_head);
  for (const auto& [number, file] : *files)
    if (auto done = verification.read(number, file.path, file.size, number == files->rbegin()->first); !done)
      return std::unexpected(done.error());
  return verification.finish();
}

}  // namespace warifu
