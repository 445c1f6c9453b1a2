#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/workspace.h"

namespace warifu {

// Open workspaces to read in, since one belongs to one thread at a time: taken for a request and given back.
//
// Thread safety: take() from any thread.
class WorkspacePool {
 public:
  class Lease {
   public:
    Lease(WorkspacePool& pool, std::unique_ptr<Workspace> workspace) : pool_(&pool), workspace_(std::move(workspace)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (workspace_) pool_->give_back(std::move(workspace_));
    }
    const Workspace& operator*() const { return *workspace_; }
    const Workspace* operator->() const { return workspace_.get(); }

   private:
    WorkspacePool* pool_;
    std::unique_ptr<Workspace> workspace_;
  };

  explicit WorkspacePool(std::filesystem::path root) : root_(std::move(root)) {}

  Result<Lease> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto workspace = std::move(idle_.back());
        idle_.pop_back();
        return Lease(*this, std::move(workspace));
      }
    }
    auto workspace = Workspace::open(root_);
    if (!workspace) return std::unexpected(workspace.error());
    return Lease(*this, std::make_unique<Workspace>(std::move(*workspace)));
  }

 private:
  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(workspace));
  }

  std::filesystem::path root_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace warifu
