#include "methods/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <thread>

#include "base/file.h"
#include "methods/checkpoint.h"
#include "methods/stopping_progress_for_test.h"
#include "methods/synthetic_pairs_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Fits weights [3] to items' targets, with noise from both generators, and remembers how often each item was seen.
class FitTask : public TrainingTask {
 public:
  FitTask() {
    torch::manual_seed(5);
    weights_ = module_.register_parameter("weights", torch::randn({3}));
    targets_ = torch::randn({12, 3});
  }

  torch::nn::Module& model() override { return module_; }
  NamedTensors memory() const override { return {{"seen", seen_}}; }
  void restore_memory(const NamedTensors& memory) override { seen_.copy_(memory.at("seen")); }

  torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& place, Rng& rng) override {
    batches.push_back(rows.size(0));
    rates_done.push_back(place.done());
    const auto noise = (torch::rand({3}) + rng.uniform()) * 0.01;
    // What was carried from step to step takes part: a wrong memory would show.
    const auto often = seen_.index_select(0, rows).unsqueeze(1) * 0.01;
    return (weights_ + noise - targets_.index_select(0, rows) * (1 + often)).pow(2).mean();
  }
  void after_step(const torch::Tensor& rows, const TrainingPlace&) override {
    seen_.index_add_(0, rows, torch::ones({rows.size(0)}));
  }

  std::optional<double> validate() override {
    if (scores.empty()) return std::nullopt;
    const auto epoch =
        static_cast<std::ptrdiff_t>(seen_.sum().item<double>() / 12) - 1;  // every item was seen once in each
    return scores.at(static_cast<std::size_t>(std::min(epoch, std::ssize(scores) - 1)));
  }

  torch::Tensor weights() const { return weights_.detach().clone(); }

  std::vector<double> scores;  // what validate() says after each epoch; the last one again and again
  std::vector<std::int64_t> batches;
  std::vector<double> rates_done;

 private:
  class Module : public torch::nn::Module {};
  Module module_;
  torch::Tensor weights_;
  torch::Tensor targets_;
  torch::Tensor seen_ = torch::zeros({12});
};

const TrainerSettings kSettings{.epochs = 6, .batch = 5, .learning_rate = 0.05, .seed = 9};

torch::Tensor items() { return torch::arange(12, torch::kInt64); }

// From the start to the end, in a folder of its own.
Result<TrainingResult> run_whole(TrainingTask& task, const TrainerSettings& settings = kSettings) {
  SilentProgress silent;
  return run_training(task, items(), settings, "d", fresh_folder(), silent);
}

torch::Tensor uninterrupted() {
  FitTask task;
  EXPECT_TRUE(run_whole(task).has_value());
  return task.weights();
}

TEST(Trainer, CutsAnEpochIntoBatchesOfNearlyEqualSize) {
  FitTask task;
  TrainerSettings settings = kSettings;
  settings.epochs = 1;
  ASSERT_TRUE(run_whole(task, settings).has_value());
  EXPECT_THAT(task.batches, ElementsAre(4, 4, 4));
  EXPECT_THAT(task.rates_done,
              ElementsAre(0, testing::DoubleNear(1.0 / 3, 1e-12), testing::DoubleNear(2.0 / 3, 1e-12)));
}

TEST(Trainer, ContinuesAtEveryStepToTheSameModel) {
  const auto expected = uninterrupted();
  for (const std::size_t stop : {0U, 2U, 3U, 7U, 17U}) {
    const auto directory = fresh_folder();
    FitTask stopped;
    StoppingProgress stopping(stop);
    const auto result = run_training(stopped, items(), kSettings, "d", directory, stopping);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
    FitTask continued;
    StoppingProgress watching(1000);
    ASSERT_TRUE(run_training(continued, items(), kSettings, "d", directory, watching).has_value());
    EXPECT_TRUE(expected.equal(continued.weights())) << "stopped before step " << stop;
    EXPECT_EQ(watching.notes.empty(), stop < 3) << watching.notes;
  }
}

// A program of its own, since a fork of one that has used libtorch is not to be trusted: this test's, told by its
// environment to train into a folder and to wait for ever before an epoch.
class TrainingProgram {
 public:
  TrainingProgram(const std::filesystem::path& directory, int epoch) {
    std::string folder = std::string(kFolder).append("=").append(directory.string());
    std::string wait = std::string(kWaitBefore).append("=").append(std::to_string(epoch));
    std::vector<char*> environment = {folder.data(), wait.data()};
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    std::string name = "trainer_test";
    std::string filter = "--gtest_filter=Trainer.ContinuesAfterAKillToTheSameModel";
    char* arguments[] = {name.data(), filter.data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, arguments, environment.data()), 0);
  }

  // True if it was still there to be killed.
  bool kill_it() {
    kill(pid_, SIGKILL);
    int status = 0;
    return waitpid(pid_, &status, 0) == pid_ && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  static constexpr const char* kFolder = "WARIFU_TRAINER_TEST_FOLDER";
  static constexpr const char* kWaitBefore = "WARIFU_TRAINER_TEST_WAIT";

 private:
  pid_t pid_ = 0;
};

class WaitingTask final : public FitTask {
 public:
  explicit WaitingTask(int epoch) : epoch_(epoch) {}
  void begin_epoch(const TrainingPlace& place) override {
    while (place.epoch == epoch_) pause();
  }

 private:
  int epoch_;
};

TEST(Trainer, ContinuesAfterAKillToTheSameModel) {
  if (const char* folder = std::getenv(TrainingProgram::kFolder)) {
    WaitingTask task(std::atoi(std::getenv(TrainingProgram::kWaitBefore)));
    SilentProgress silent;
    (void)run_training(task, items(), kSettings, "d", folder, silent);
    return;
  }
  const auto directory = fresh_folder();
  const auto epochs_logged = [&] {
    const auto text = read_text_file(directory / "train-log.jsonl", 1 << 20);
    return text ? std::ranges::count(*text, '\n') : 0;
  };
  for (const int epoch : {1, 2, 5}) {
    TrainingProgram program(directory, epoch);
    for (int tries = 0; epochs_logged() < epoch && tries < 12000; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(program.kill_it());
    ASSERT_EQ(epochs_logged(), epoch);
  }
  FitTask continued;
  StoppingProgress watching(1000);
  ASSERT_TRUE(run_training(continued, items(), kSettings, "d", directory, watching).has_value());
  EXPECT_THAT(watching.notes, HasSubstr("continued after epoch 5"));
  EXPECT_TRUE(uninterrupted().equal(continued.weights()));
  EXPECT_EQ(epochs_logged(), 6);
}

TEST(Trainer, CompletesTheLogOfARunThatWasKilledBeforeItsLastLine) {
  const auto directory = fresh_folder();
  FitTask task;
  SilentProgress silent;
  ASSERT_TRUE(run_training(task, items(), kSettings, "d", directory, silent).has_value());
  const auto whole = read_text_file(directory / "train-log.jsonl", 1 << 20).value();
  std::filesystem::remove(directory / "train-log.jsonl");
  FitTask again;
  ASSERT_TRUE(run_training(again, items(), kSettings, "d", directory, silent).has_value());
  EXPECT_EQ(read_text_file(directory / "train-log.jsonl", 1 << 20).value(), whole);
  EXPECT_TRUE(again.weights().equal(task.weights()));
}

TEST(Trainer, StartsAnewWhenTheCheckpointIsOfOtherDataOrDamaged) {
  const auto expected = uninterrupted();
  const auto directory = fresh_folder();
  FitTask stopped;
  StoppingProgress stopping(7);
  ASSERT_FALSE(run_training(stopped, items(), kSettings, "other", directory, stopping).has_value());
  for (const bool damaged : {false, true}) {
    if (damaged) {
      ASSERT_TRUE(write_file_atomically(directory / "checkpoint" / "state.safetensors", std::string_view("torn")));
    }
    FitTask anew;
    StoppingProgress watching(1000);
    ASSERT_TRUE(run_training(anew, items(), kSettings, "d", directory, watching).has_value());
    EXPECT_EQ(watching.notes, "");
    EXPECT_TRUE(expected.equal(anew.weights()));
  }
}

TEST(Trainer, GivesAnotherModelForAnotherSeed) {
  FitTask task;
  TrainerSettings settings = kSettings;
  settings.seed = 10;
  ASSERT_TRUE(run_whole(task, settings).has_value());
  EXPECT_FALSE(uninterrupted().equal(task.weights()));
}

TEST(Trainer, KeepsTheEpochThatValidatedBestAndStopsWhenNoneIsBetter) {
  FitTask task;
  task.scores = {0.1, 0.5, 0.3, 0.4, 0.5, 0.9};
  SilentProgress silent;
  TrainerSettings settings = kSettings;
  settings.patience = 3;
  const auto directory = fresh_folder();
  const auto result = run_training(task, items(), settings, "d", directory, silent);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->best_epoch, 2);
  EXPECT_EQ(result->epochs_run, 5);  // three epochs after the second, equal is not better
  EXPECT_EQ(result->best_score, 0.5);

  FitTask stopped;  // after the best epoch, then continued
  StoppingProgress after_third(9);
  const auto resumed_in = fresh_folder();
  stopped.scores = task.scores;
  ASSERT_FALSE(run_training(stopped, items(), settings, "d", resumed_in, after_third).has_value());
  FitTask continued;
  continued.scores = task.scores;
  const auto resumed = run_training(continued, items(), settings, "d", resumed_in, silent);
  ASSERT_TRUE(resumed.has_value());
  EXPECT_EQ(resumed->best_epoch, 2);
  EXPECT_EQ(resumed->epochs_run, 5);
  EXPECT_TRUE(continued.weights().equal(task.weights()));

  FitTask two_epochs;  // the same schedule, cut after the second epoch
  StoppingProgress stopping(6);
  ASSERT_FALSE(run_training(two_epochs, items(), settings, "d", fresh_folder(), stopping).has_value());
  EXPECT_TRUE(two_epochs.weights().equal(task.weights()));
  const auto log = read_text_file(directory / "train-log.jsonl", 1 << 20).value();
  EXPECT_EQ(std::ranges::count(log, '\n'), 5);
  EXPECT_THAT(log, HasSubstr("\"validation\":0.5"));
}

TEST(Trainer, KeepsTheLastEpochWhereNothingIsHeldOut) {
  FitTask task;
  TrainerSettings settings = kSettings;
  settings.patience = 1;
  const auto result = run_whole(task, settings);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->best_epoch, 6);
  EXPECT_FALSE(result->best_score.has_value());
}

TEST(Trainer, LeavesAGroupOfRateZeroAlone) {
  class Frozen final : public FitTask {
    std::vector<AdamGroup> parameter_groups() override { return {{model().parameters(), 0.0}}; }
  } task;
  const auto before = task.weights();
  ASSERT_TRUE(run_whole(task).has_value());
  EXPECT_TRUE(before.equal(task.weights()));
}

TEST(Trainer, AsksForTheRatesOfEachEpoch) {
  class LateStarter final : public FitTask {
   public:
    std::vector<torch::Tensor> after_epochs;

   private:
    void begin_epoch(const TrainingPlace& place) override {
      if (place.epoch > 0) after_epochs.push_back(weights());
      rate_ = place.epoch < 2 ? 0 : 1;
    }
    std::vector<AdamGroup> parameter_groups() override { return {{model().parameters(), rate_}}; }
    double rate_ = 1;
  } task;
  const auto before = task.weights();
  ASSERT_TRUE(run_whole(task).has_value());
  EXPECT_TRUE(before.equal(task.after_epochs.at(1)));
  EXPECT_FALSE(before.equal(task.after_epochs.at(2)));
}

TEST(Trainer, TellsTheTaskTheRateOfTheStepJustTaken) {
  class Listener final : public FitTask {
   public:
    std::vector<double> rates;

   private:
    void after_step(const torch::Tensor& rows, const TrainingPlace& place) override {
      FitTask::after_step(rows, place);
      rates.push_back(place.learning_rate);
    }
  } task;
  TrainerSettings settings = kSettings;
  settings.epochs = 1;
  ASSERT_TRUE(run_whole(task, settings).has_value());
  // 0.05 (1 + cos(pi step / 3)) / 2 at steps 0, 1, 2
  EXPECT_THAT(task.rates, ElementsAre(testing::DoubleNear(0.05, 1e-12), testing::DoubleNear(0.0375, 1e-12),
                                      testing::DoubleNear(0.0125, 1e-12)));
}

TEST(Trainer, SaysWhereTheLossBecameNoNumber) {
  class Broken final : public FitTask {
    torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& place, Rng& rng) override {
      const auto value = FitTask::loss(rows, place, rng);
      return place.step < 4 ? value : value * std::numeric_limits<double>::quiet_NaN();
    }
  } task;
  const auto result = run_whole(task);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr("no number in epoch 2, step 4"));
}

TEST(Trainer, RefusesAGradientThatIsNoNumberAlsoInTheLastStep) {
  class Broken final : public FitTask {
    void carry_back() override {
      if (++steps_ == 18) model().parameters()[0].mutable_grad().fill_(std::numeric_limits<float>::infinity());
    }
    int steps_ = 0;
  } task;
  const auto result = run_whole(task);
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("in epoch 6, step 17"));
  EXPECT_TRUE(torch::isfinite(task.weights()).all().item<bool>());
}

}  // namespace
}  // namespace warifu
