#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "security/access_store.h"
#include "security/audit_log.h"
#include "security/audit_verify.h"
#include "security/audited_access.h"

namespace warifu {

// Users, keys and the audit log of a workspace. Each opens what it needs and no more: they work where the catalog is
// damaged. kNotFound without a workspace; else the errors of security/.

// `access.db`.
Result<std::unique_ptr<AccessStore>> open_users(const std::filesystem::path& workspace);
// `audit/`. Creates it.
Result<std::unique_ptr<AuditLog>> open_audit_log(const std::filesystem::path& workspace);

// Both, and the way to change users and keys: every change is in the log before it counts.
class Access {
 public:
  static Result<Access> open(const std::filesystem::path& workspace);

  AccessStore& store() { return *store_; }
  AuditLog& log() { return *log_; }
  AuditedAccess changes() { return {*store_, *log_}; }

 private:
  Access(std::unique_ptr<AccessStore> store, std::unique_ptr<AuditLog> log)
      : store_(std::move(store)), log_(std::move(log)) {}
  std::unique_ptr<AccessStore> store_;
  std::unique_ptr<AuditLog> log_;
};

Result<AuditReport> verify_audit_of(const std::filesystem::path& workspace, const std::optional<std::string>& head);
Result<std::vector<std::string>> last_audit_lines_of(const std::filesystem::path& workspace, std::size_t count);

}  // namespace warifu
