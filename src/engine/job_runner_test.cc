#include "engine/job_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/fresh_folder_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

std::map<std::string, JobRunner::Work> job_kinds() {
  return {{"echo", [](const std::string& arguments, ProgressSink&) -> Result<std::string> { return arguments; }},
          {"fails",
           [](const std::string&, ProgressSink&) -> Result<std::string> {
             return fail(ErrorCode::kIo, "the disk is full", "make room");
           }},
          {"waits", [](const std::string&, ProgressSink& progress) -> Result<std::string> {
             progress.advance("waiting", 1, 2);
             while (!progress.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
             return fail(ErrorCode::kUnavailable, "stopped on request");
           }}};
}

// Until the job is in that state.
Job job_when(const JobRunner& runner, const std::string& id, const std::string& state) {
  for (int i = 0; i < 5000; ++i) {
    auto job = runner.job(id);
    if (job && job->state == state) return *job;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return runner.job(id).value_or(Job{});
}

TEST(JobRunner, DoesWhatIsAskedAndKeepsTheResult) {
  const auto folder = fresh_folder();
  std::string id;
  {
    const auto runner = JobRunner::open(folder, job_kinds()).value();
    id = runner->start("echo", R"({"a":1})", "hana").value().id;
    EXPECT_EQ(job_when(*runner, id, "done").result, R"({"a":1})");
  }
  const auto later = JobRunner::open(folder, job_kinds()).value();
  const auto job = later->job(id);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, "done");
  EXPECT_EQ(job->owner, "hana");
  EXPECT_FALSE(job->finished.empty());
}

TEST(JobRunner, WhatWasRunningWhenTheServerEndedIsBegunAgainByTheNext) {
  const auto folder = fresh_folder();
  std::string id;
  std::string behind;
  {
    const auto runner = JobRunner::open(folder, job_kinds()).value();
    id = runner->start("waits", "{}", "hana").value().id;
    behind = runner->start("echo", "{}", "hana").value().id;
    EXPECT_EQ(job_when(*runner, id, "running").state, "running");
  }
  const auto next = JobRunner::open(folder, job_kinds()).value();
  EXPECT_EQ(job_when(*next, id, "running").state, "running");
  ASSERT_TRUE(next->cancel(id));
  EXPECT_EQ(job_when(*next, id, "cancelled").state, "cancelled");
  EXPECT_EQ(job_when(*next, behind, "done").state, "done");
}

TEST(JobRunner, SaysWhyAJobFailedAlsoAfterARestart) {
  const auto folder = fresh_folder();
  std::string id;
  {
    const auto runner = JobRunner::open(folder, job_kinds()).value();
    id = runner->start("fails", "{}", "hana").value().id;
    job_when(*runner, id, "failed");
  }
  const auto job = JobRunner::open(folder, job_kinds()).value()->job(id);
  ASSERT_TRUE(job && job->error);
  EXPECT_EQ(job->error->code, ErrorCode::kIo);
  EXPECT_EQ(job->error->hint, "make room");
}

TEST(JobRunner, RefusesWhatItDoesNotKnow) {
  const auto runner = JobRunner::open(fresh_folder(), job_kinds()).value();
  const auto unknown = runner->start("dance", "{}", "hana");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().hint, HasSubstr("echo, fails, waits"));
  EXPECT_EQ(runner->job("none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(runner->cancel("none").error().code, ErrorCode::kNotFound);
}

TEST(JobRunner, ADamagedFileIsNamed) {
  const auto folder = fresh_folder();
  std::ofstream(folder / "x.json") << "{\"id\":3}";
  const auto runner = JobRunner::open(folder, job_kinds());
  ASSERT_FALSE(runner);
  EXPECT_THAT(runner.error().message, HasSubstr("x.json"));
}

}  // namespace
}  // namespace warifu
