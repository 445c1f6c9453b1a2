#include "engine/job_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "base/file.h"
#include "base/join.h"
#include "security/access_store.h"

namespace warifu {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxJobBytes = std::size_t{16} << 20;

std::string now_text() { return utc_text(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())); }

// Ascends in time and cannot be guessed from the one before.
std::string new_id() {
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::random_device random;
  return fmt::format("{:014x}{:08x}", now, random());
}

Json to_json(const Job& job) {
  Json json = {
      {"id", job.id},           {"kind", job.kind},         {"owner", job.owner},         {"state", job.state},
      {"created", job.created}, {"finished", job.finished}, {"arguments", job.arguments}, {"result", job.result},
      {"note", job.note}};
  if (job.error)
    json["error"] = {
        {"code", static_cast<int>(job.error->code)}, {"message", job.error->message}, {"hint", job.error->hint}};
  return json;
}

Result<Job> from_json(const std::filesystem::path& file) {
  const auto text = read_text_file(file, kMaxJobBytes);
  if (!text) return std::unexpected(text.error());
  try {
    const auto json = nlohmann::json::parse(*text);
    Job job;
    job.id = json.at("id").get<std::string>();
    job.kind = json.at("kind").get<std::string>();
    job.owner = json.at("owner").get<std::string>();
    job.state = json.at("state").get<std::string>();
    job.created = json.at("created").get<std::string>();
    job.finished = json.at("finished").get<std::string>();
    job.arguments = json.at("arguments").get<std::string>();
    job.result = json.at("result").get<std::string>();
    job.note = json.value("note", "");
    if (json.contains("error")) {
      const auto& error = json.at("error");
      const int code = error.at("code").get<int>();
      const bool known = code >= 0 && code <= static_cast<int>(ErrorCode::kInternal);
      job.error = Error{known ? static_cast<ErrorCode>(code) : ErrorCode::kInternal,
                        error.at("message").get<std::string>(), error.at("hint").get<std::string>()};
    }
    return job;
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::kBadFormat, file.string() + ": " + error.what(),
                "remove this file; its job is then forgotten");
  }
}

}  // namespace

class JobRunner::Progress final : public ProgressSink {
 public:
  Progress(JobRunner& runner, std::string id) : runner_(runner), id_(std::move(id)) {}
  void advance(std::string_view stage, std::size_t done, std::size_t total) override {
    const std::lock_guard lock(runner_.mutex_);
    Job& job = runner_.jobs_.at(id_);
    job.stage = stage;
    job.done = done;
    job.total = total;
  }
  void note(std::string_view sentence) override {
    const std::lock_guard lock(runner_.mutex_);
    runner_.jobs_.at(id_).note = sentence;
  }
  bool stop_requested() const override { return runner_.stop_ || runner_.cancel_; }

 private:
  JobRunner& runner_;
  std::string id_;
};

Result<std::unique_ptr<JobRunner>> JobRunner::open(const std::filesystem::path& folder,
                                                   std::map<std::string, Work> kinds) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  auto runner = std::unique_ptr<JobRunner>(new JobRunner(folder, std::move(kinds)));
  if (auto read = runner->read(); !read) return std::unexpected(read.error());
  runner->thread_ = std::thread([raw = runner.get()] { raw->run(); });
  return runner;
}

Result<void> JobRunner::read() {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, failure)) {
    if (entry.path().extension() != ".json") continue;
    auto job = from_json(entry.path());
    if (!job) return std::unexpected(job.error());
    if (!job->ended()) job->state = "waiting";
    jobs_[job->id] = std::move(*job);
  }
  if (failure) return fail(ErrorCode::kIo, folder_.string() + ": " + failure.message());
  return {};
}

JobRunner::~JobRunner() {
  stop_ = true;
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();  // not where a file could not be read
}

Result<void> JobRunner::write(const Job& job) const {
  return write_file_atomically(folder_ / (job.id + ".json"),
                               to_json(job).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Result<Job> JobRunner::start(std::string_view kind, std::string_view arguments, std::string_view owner) {
  if (!kinds_.contains(std::string(kind)))
    return fail(ErrorCode::kInvalidArgument, "there are no jobs of kind '" + std::string(kind) + "'",
                "there are: " + join(kinds_, [](const auto& entry) { return entry.first; }));
  Job job;
  job.id = new_id();
  job.kind = kind;
  job.owner = owner;
  job.state = "waiting";
  job.created = now_text();
  job.arguments = arguments;
  const std::lock_guard lock(mutex_);
  const auto waiting = std::ranges::count_if(jobs_, [](const auto& entry) { return entry.second.state == "waiting"; });
  if (static_cast<std::size_t>(waiting) >= kMostWaiting)
    return fail(ErrorCode::kUnavailable, "too many jobs are waiting", "try again when some of them are done");
  if (auto written = write(job); !written) return std::unexpected(written.error());
  jobs_[job.id] = job;
  forget_old();
  wake_.notify_all();
  return job;
}

// The caller holds the mutex.
void JobRunner::forget_old() {
  for (auto entry = jobs_.begin(); jobs_.size() > kKeptJobs && entry != jobs_.end();) {
    if (!entry->second.ended()) {
      ++entry;
      continue;
    }
    std::error_code failure;
    std::filesystem::remove(folder_ / (entry->first + ".json"), failure);
    entry = jobs_.erase(entry);
  }
}

Result<Job> JobRunner::job(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(std::string(id));
  if (found == jobs_.end()) return fail(ErrorCode::kNotFound, "no job has the id '" + std::string(id) + "'");
  return found->second;
}

std::vector<Job> JobRunner::jobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<Job> jobs;
  for (auto entry = jobs_.rbegin(); entry != jobs_.rend(); ++entry) jobs.push_back(entry->second);
  return jobs;
}

Result<void> JobRunner::cancel(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(std::string(id));
  if (found == jobs_.end()) return fail(ErrorCode::kNotFound, "no job has the id '" + std::string(id) + "'");
  Job& job = found->second;
  if (job.ended()) return fail(ErrorCode::kInvalidArgument, "the job is " + job.state + " already");
  if (job.id == running_) {
    cancel_ = true;
    return {};
  }
  job.state = "cancelled";
  job.finished = now_text();
  return write(job);
}

void JobRunner::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const auto next = std::ranges::find_if(jobs_, [](const auto& entry) { return entry.second.state == "waiting"; });
    if (next == jobs_.end()) {
      // By time too: a stop that was asked for between the look at stop_ and this is not slept through.
      wake_.wait_for(lock, std::chrono::milliseconds(200));
      continue;
    }
    Job& job = next->second;
    const std::string id = job.id;
    const auto kind = kinds_.find(job.kind);
    job.state = "running";
    running_ = id;
    cancel_ = false;
    const std::string arguments = job.arguments;
    static_cast<void>(write(job));  // a runner that reads it as waiting does the same
    lock.unlock();
    Progress progress(*this, id);
    const Result<std::string> result =
        kind == kinds_.end()
            ? fail(ErrorCode::kIncompatible, "this program has no jobs of this kind", "use the one that began it")
            : kind->second(arguments, progress);
    lock.lock();
    running_.clear();
    if (stop_ && !result && result.error().code == ErrorCode::kUnavailable) return;  // the next runner goes on with it
    finish(id, result);
  }
}

// The caller holds the mutex.
void JobRunner::finish(const std::string& id, const Result<std::string>& result) {
  Job& job = jobs_.at(id);
  job.finished = now_text();
  if (result) {
    job.state = "done";
    job.result = *result;
  } else {
    job.state = cancel_ && result.error().code == ErrorCode::kUnavailable ? "cancelled" : "failed";
    job.error = result.error();
  }
  static_cast<void>(write(job));  // its file says waiting then, and it is done once more by the next runner
}

}  // namespace warifu
