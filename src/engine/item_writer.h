#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/live_space.h"
#include "engine/workspace.h"
#include "security/principal.h"
#include "store/catalog.h"

namespace warifu {

// A change to one item. What is not given is kept, or with `replace` taken away.
struct ItemChangeRequest {
  std::string id;
  bool remove = false;
  bool replace = false;
  std::optional<std::string> text;  // normalised; empty: none
  // A picture that was decoded once to see that it can be; kept in the workspace if the change is possible.
  std::optional<std::vector<std::byte>> picture;
  std::string picture_name;  // its file name; may be empty
  std::optional<std::vector<Label>> labels;
  std::optional<std::vector<Label>> attributes;
  std::optional<std::vector<std::string>> groups;
};

struct ItemChangeOutcome {
  std::optional<Error> error;
  Stored stored = Stored::kUnchanged;
  std::string image_uri_before;  // of a picture that the item no longer has; empty: none
};

// The one writer of a workspace that is served: a thread that commits together what waits at that moment, takes it
// over into the codes, and only then says so. Between changes it takes over what other processes put into the catalog.
//
// Thread safety: everything from any thread.
class ItemWriter {
 public:
  // `live` is of `workspace`.
  ItemWriter(std::unique_ptr<Workspace> workspace, std::unique_ptr<LiveSpace> live);
  ItemWriter(const ItemWriter&) = delete;
  ItemWriter& operator=(const ItemWriter&) = delete;
  ~ItemWriter();  // does what waits, then ends

  // Durable and searchable when it returns; an outcome for each change. kUnavailable where another process writes to
  // the catalog and does not end (nothing is changed), or too much waits.
  Result<std::vector<ItemChangeOutcome>> write(const Principal& principal, std::vector<ItemChangeRequest> changes);

  // Runs `work` on the writer's thread, while nothing is written.
  Result<void> between_writes(const std::function<Result<void>(Workspace&, LiveSpace&)>& work);

  std::shared_ptr<const LiveView> view() const { return live_->view(); }
  const LiveSpace& live() const { return *live_; }
  std::size_t pending() const;                    // changes in the catalog that are not searchable yet, as of lately
  std::optional<Error> background_error() const;  // why taking over others' changes failed lately

 private:
  struct Job {
    const Principal* principal = nullptr;
    std::vector<ItemChangeRequest> changes;
    const std::function<Result<void>(Workspace&, LiveSpace&)>* work = nullptr;
    std::vector<ItemChangeOutcome> outcomes;
    std::optional<Error> error;
    bool done = false;
  };
  void run();
  Result<void> submit(Job& job);
  void do_group(const std::vector<Job*>& group);
  Result<void> apply_group(const std::vector<Job*>& group, std::vector<ItemRow>& rows);
  Result<void> apply(const Principal& principal, const ItemChangeRequest& change, ItemChangeOutcome& outcome,
                     std::vector<ItemRow>& rows);
  void idle();

  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<LiveSpace> live_;  // before workspace_ goes

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::deque<Job*> jobs_;
  std::size_t waiting_changes_ = 0;
  std::size_t pending_ = 0;
  std::optional<Error> background_error_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace warifu
