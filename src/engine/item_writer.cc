#include "engine/item_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/hash.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kLookEvery = std::chrono::milliseconds(300);  // for changes of other processes
constexpr auto kNoteEvery = std::chrono::seconds(5);         // how far the codes are up to date
constexpr auto kWaitForCatalog = std::chrono::seconds(3);    // while another process writes to it
constexpr std::size_t kTakenOverAtOnce = 32;                 // of others' changes, between two looks for our own
constexpr std::size_t kLargestGroup = 256;                   // changes that are committed together
constexpr std::size_t kMostWaiting = 4096;                   // changes

Fail taken(const std::string& id) {
  return fail(ErrorCode::kInvalidArgument, "the id '" + id + "' cannot be used", "choose another id");
}

Fail missing(const std::string& id) { return fail(ErrorCode::kNotFound, "no item has the id '" + id + "'"); }

// Who may see the item afterwards. A writer's items are seen by those whom the writer belongs to, unless said
// otherwise; groups that the writer is not in are not the writer's to give or to take, and a member of groups does not
// make an item everybody's.
Result<std::vector<std::string>> groups_for(const Principal& principal, const ItemChangeRequest& change,
                                            const std::optional<Item>& old) {
  if (!change.groups) {
    if (old) return old->groups;
    if (principal.sees_everything) return std::vector<std::string>();
    return principal.groups;
  }
  if (principal.sees_everything) return *change.groups;
  std::vector<std::string> groups = *change.groups;
  const auto has = [](const std::vector<std::string>& list, const std::string& name) {
    return std::ranges::find(list, name) != list.end();
  };
  const std::vector<std::string> before = old ? old->groups : std::vector<std::string>();
  for (const std::string& group : groups)
    if (!has(principal.groups, group) && !has(before, group))
      return fail(ErrorCode::kPermissionDenied, "you are not in the group '" + group + "'",
                  "items can be given to groups that you are in");
  for (const std::string& group : before)
    if (!has(principal.groups, group) && !has(groups, group)) groups.push_back(group);
  if (groups.empty() && !principal.groups.empty() && !(old && before.empty()))
    return fail(ErrorCode::kPermissionDenied, "an item without groups would be everybody's",
                "name one of your groups, or ask an administrator");
  return groups;
}

}  // namespace

ItemWriter::ItemWriter(std::unique_ptr<Workspace> workspace, std::unique_ptr<LiveSpace> live)
    : workspace_(std::move(workspace)), live_(std::move(live)) {
  thread_ = std::thread([this] { run(); });
}

ItemWriter::~ItemWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  live_.reset();
}

std::size_t ItemWriter::pending() const {
  const std::lock_guard lock(mutex_);
  return pending_ + waiting_changes_;
}

std::optional<Error> ItemWriter::background_error() const {
  const std::lock_guard lock(mutex_);
  return background_error_;
}

Result<void> ItemWriter::submit(Job& job) {
  std::unique_lock lock(mutex_);
  if (stop_) return fail(ErrorCode::kUnavailable, "the server is stopping", "try again");
  if (waiting_changes_ + job.changes.size() > kMostWaiting && waiting_changes_ > 0)
    return fail(ErrorCode::kUnavailable, "too many changes are waiting to be written", "try again in a moment");
  waiting_changes_ += job.changes.size();
  jobs_.push_back(&job);
  wake_.notify_one();
  done_.wait(lock, [&] { return job.done; });
  if (job.error) return std::unexpected(*job.error);
  return {};
}

Result<std::vector<ItemChangeOutcome>> ItemWriter::write(const Principal& principal,
                                                         std::vector<ItemChangeRequest> changes) {
  Job job;
  job.principal = &principal;
  job.changes = std::move(changes);
  if (auto done = submit(job); !done) return std::unexpected(done.error());
  return std::move(job.outcomes);
}

Result<void> ItemWriter::between_writes(const std::function<Result<void>(Workspace&, LiveSpace&)>& work) {
  Job job;
  job.work = &work;
  return submit(job);
}

void ItemWriter::run() {
  auto noted = Clock::now();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, kLookEvery, [&] { return stop_ || !jobs_.empty(); });
    if (stop_ && jobs_.empty()) return;
    if (jobs_.empty()) {
      lock.unlock();
      idle();
      if (Clock::now() - noted > kNoteEvery) {
        static_cast<void>(live_->note_state());  // the next opening has more to do without it
        noted = Clock::now();
      }
      lock.lock();
      continue;
    }
    std::vector<Job*> group;
    std::size_t changes = 0;
    while (!jobs_.empty() && (group.empty() || (changes + jobs_.front()->changes.size() <= kLargestGroup &&
                                                jobs_.front()->work == nullptr && group.back()->work == nullptr))) {
      group.push_back(jobs_.front());
      changes += jobs_.front()->changes.size();
      jobs_.pop_front();
    }
    lock.unlock();
    if (group.front()->work != nullptr) {
      if (auto worked = (*group.front()->work)(*workspace_, *live_); !worked) group.front()->error = worked.error();
    } else {
      do_group(group);
    }
    lock.lock();
    for (Job* job : group) {
      waiting_changes_ -= job->changes.size();
      job->done = true;
    }
    done_.notify_all();
  }
}

void ItemWriter::idle() {
  std::optional<Error> error;
  std::size_t pending = 0;
  for (;;) {
    const auto more = live_->catch_up(kTakenOverAtOnce);
    if (!more) error = more.error();
    if (const auto left = live_->pending()) pending = *left;
    const std::lock_guard lock(mutex_);
    pending_ = pending;
    background_error_ = error;
    if (!more || !*more || stop_ || !jobs_.empty()) return;
  }
}

void ItemWriter::do_group(const std::vector<Job*>& group) {
  std::vector<ItemRow> rows;
  auto done = apply_group(group, rows);
  if (done && !rows.empty()) {
    done = live_->take_over(rows);
    if (!done)
      done = fail(done.error().code, "stored, but not searchable yet: " + done.error().message, done.error().hint);
  }
  if (done) return;
  for (Job* job : group) job->error = done.error();
}

Result<void> ItemWriter::apply_group(const std::vector<Job*>& group, std::vector<ItemRow>& rows) {
  Catalog& catalog = workspace_->catalog();
  const auto give_up = Clock::now() + kWaitForCatalog;
  for (;;) {
    auto begun = catalog.begin_writing();
    if (begun) break;
    if (begun.error().code != ErrorCode::kUnavailable || Clock::now() > give_up) return begun;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (Job* job : group)
    for (const ItemChangeRequest& change : job->changes) {
      ItemChangeOutcome& outcome = job->outcomes.emplace_back();
      if (auto applied = apply(*job->principal, change, outcome, rows); !applied) outcome.error = applied.error();
    }
  return catalog.end_writing();
}

Result<void> ItemWriter::apply(const Principal& principal, const ItemChangeRequest& change, ItemChangeOutcome& outcome,
                               std::vector<ItemRow>& rows) {
  Catalog& catalog = workspace_->catalog();
  const auto old = catalog.find(change.id);
  if (!old) return std::unexpected(old.error());
  const bool seen = *old && may_see(principal, (*old)->groups);
  if (change.remove) {
    if (!seen) return missing(change.id);
    const auto row = catalog.remove(change.id);
    if (!row) return std::unexpected(row.error());
    if (*row) rows.push_back(**row);
    outcome.stored = Stored::kUpdated;
    outcome.image_uri_before = (*old)->image_uri;
    return {};
  }
  // What is wrong with the change is said as if there were no such item: that the id is taken is learnt only by a
  // change that would have been made.
  const std::optional<Item> visible = seen ? *old : std::nullopt;
  Item item;
  if (visible && !change.replace) item = *visible;
  item.id = change.id;
  auto groups = groups_for(principal, change, visible);
  if (!groups) return std::unexpected(groups.error());
  item.groups = std::move(*groups);
  if (change.text) item.text = change.text->empty() ? std::nullopt : change.text;
  if (change.labels) item.labels = *change.labels;
  if (change.attributes) item.attributes = *change.attributes;
  if (!item.text && !change.picture && item.image_uri.empty() && item.image_hash.empty())
    return fail(ErrorCode::kInvalidArgument, "the item '" + change.id + "' has neither a picture nor a text",
                "give it at least one of the two");
  if (*old && !seen) return taken(change.id);
  if (change.picture) {
    // Only now: of a change that is refused nothing stays.
    item.image_hash = content_hash(*change.picture);
    auto uri = workspace_->keep_picture(*change.picture, item.image_hash, change.picture_name);
    if (!uri) return std::unexpected(uri.error());
    item.image_uri = std::move(*uri);
    item.original_uri.clear();
  }
  const auto stored = catalog.put(item);
  if (!stored) return std::unexpected(stored.error());
  outcome.stored = stored->second;
  if (*old && (*old)->image_uri != item.image_uri) outcome.image_uri_before = (*old)->image_uri;
  // Also where nothing changed: what is asked for again is searchable when this is answered.
  if (stored->second != Stored::kUnchanged) rows.push_back(stored->first);
  return {};
}

}  // namespace warifu
