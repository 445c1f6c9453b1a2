#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/progress.h"

namespace warifu {

// A long run that somebody asked for. It is written down before it is begun, and begun again by the next runner where
// this one ended first: every kind of job must bear that.
struct Job {
  std::string id;
  std::string kind;
  std::string owner;  // who asked for it
  std::string state;  // "waiting", "running", "done", "failed", "cancelled"
  std::string stage;  // as ProgressSink::advance
  std::size_t done = 0;
  std::size_t total = 0;       // 0: unknown
  std::string note;            // the last sentence for the person watching
  std::string created;         // UTC, ISO 8601
  std::string finished;        // the same; empty: not yet
  std::string arguments;       // JSON object as given
  std::string result;          // JSON object when done
  std::optional<Error> error;  // when failed

  bool ended() const { return state == "done" || state == "failed" || state == "cancelled"; }
};

// Runs jobs one after another on a thread of its own. Each lies in a file <folder>/<id>.json, which is replaced in one
// step when its state changes; the latest kKeptJobs are kept.
//
// Thread safety: everything from any thread.
class JobRunner {
 public:
  static constexpr std::size_t kKeptJobs = 200;
  static constexpr std::size_t kMostWaiting = 64;

  // What a kind of job does: arguments (JSON object) in, result (JSON object) out. It looks at the sink's
  // stop_requested() often, and returns kUnavailable then.
  using Work = std::function<Result<std::string>(const std::string& arguments, ProgressSink& progress)>;

  // Reads the folder (made if missing); what was waiting or running there is waiting again, in the order of arrival.
  // A file that cannot be read is kIo or kBadFormat naming it.
  static Result<std::unique_ptr<JobRunner>> open(const std::filesystem::path& folder,
                                                 std::map<std::string, Work> kinds);
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;
  ~JobRunner();  // asks the running one to stop and leaves it for the next runner

  // kInvalidArgument lists the kinds; kUnavailable when too many wait.
  Result<Job> start(std::string_view kind, std::string_view arguments, std::string_view owner);
  Result<Job> job(std::string_view id) const;  // kNotFound
  std::vector<Job> jobs() const;               // latest first
  // One that waits is cancelled now, one that runs when it next looks; kNotFound; kInvalidArgument when it has ended.
  Result<void> cancel(std::string_view id);

 private:
  class Progress;
  JobRunner(std::filesystem::path folder, std::map<std::string, Work> kinds)
      : folder_(std::move(folder)), kinds_(std::move(kinds)) {}
  Result<void> read();
  Result<void> write(const Job& job) const;
  void run();
  void finish(const std::string& id, const Result<std::string>& result);
  void forget_old();

  std::filesystem::path folder_;
  std::map<std::string, Work> kinds_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Job> jobs_;  // by id, which ascends in time
  std::string running_;
  std::atomic<bool> cancel_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace warifu
