#include "security/audit_folder.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <string_view>
#include <thread>

namespace warifu {
namespace {

constexpr std::size_t kDigits = 6;  // at least
constexpr std::string_view kSuffix = ".jsonl";
constexpr auto kPatience = std::chrono::seconds(5);

std::optional<std::uint64_t> number_of(std::string_view name) {
  if (name.size() < kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  std::uint64_t number = 0;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (status != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return audit_file_name(number) == std::string(name) + std::string(kSuffix) ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string audit_file_name(std::uint64_t number) { return fmt::format("{:06}{}", number, kSuffix); }

Result<std::map<std::uint64_t, std::filesystem::path>> audit_files(const std::filesystem::path& folder) {
  std::error_code failure;
  std::map<std::uint64_t, std::filesystem::path> files;
  std::filesystem::directory_iterator entries(folder, failure);
  if (failure == std::errc::no_such_file_or_directory || failure == std::errc::not_a_directory)
    return fail(ErrorCode::kNotFound, folder.string() + ": no audit log there",
                "it begins when users or keys are made, or with the first request to a server");
  for (; !failure && entries != std::filesystem::directory_iterator(); entries.increment(failure))
    if (const auto number = number_of(entries->path().filename().string())) files.emplace(*number, entries->path());
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  return files;
}

Result<AuditLock> AuditLock::take(int fd, const std::filesystem::path& folder) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return AuditLock(fd);
    if (errno != EWOULDBLOCK && errno != EINTR) return system_error(folder / kAuditLockName, errno);
    if (std::chrono::steady_clock::now() > give_up)
      return fail(ErrorCode::kUnavailable, folder.string() + ": another process holds the audit log's lock",
                  "find it with 'fuser " + (folder / kAuditLockName).string() + "'");
    // Not a waiting flock(): a stopped process would keep us for ever. The lock is held for microseconds.
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace warifu
