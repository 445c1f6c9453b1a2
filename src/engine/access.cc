#include "engine/access.h"

#include "engine/workspace.h"

namespace warifu {
namespace {

constexpr const char* kAccessFile = "access.db";
constexpr const char* kAuditFolder = "audit";

}  // namespace

Result<std::unique_ptr<AccessStore>> open_users(const std::filesystem::path& workspace) {
  const auto root = Workspace::find(workspace);
  if (!root) return std::unexpected(root.error());
  return AccessStore::open(*root / kAccessFile);
}

Result<std::unique_ptr<AuditLog>> open_audit_log(const std::filesystem::path& workspace) {
  const auto root = Workspace::find(workspace);
  if (!root) return std::unexpected(root.error());
  return AuditLog::open(*root / kAuditFolder);
}

Result<Access> Access::open(const std::filesystem::path& workspace) {
  auto store = open_users(workspace);
  if (!store) return std::unexpected(store.error());
  auto log = open_audit_log(workspace);
  if (!log) return std::unexpected(log.error());
  return Access(*std::move(store), *std::move(log));
}

Result<AuditReport> verify_audit_of(const std::filesystem::path& workspace, const std::optional<std::string>& head) {
  const auto root = Workspace::find(workspace);
  if (!root) return std::unexpected(root.error());
  return verify_audit_log(*root / kAuditFolder, head);
}

Result<std::vector<std::string>> last_audit_lines_of(const std::filesystem::path& workspace, std::size_t count) {
  const auto root = Workspace::find(workspace);
  if (!root) return std::unexpected(root.error());
  return last_audit_lines(*root / kAuditFolder, count);
}

}  // namespace warifu
