// What is left of a code store when the power goes, the process is killed, the disk is full or broken: at every byte
// of the log, between any two steps on the folder, at any moment.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "base/child_for_test.h"
#include "base/file.h"
#include "base/rng.h"
#include "segments/code_store_check.h"
#include "segments/code_store_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;
using Image = std::map<std::string, Bytes>;  // a folder: names and contents

constexpr std::size_t kMaxImageBytes = std::size_t{1} << 24;

Image image_of(const std::filesystem::path& folder) {
  Image image;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (auto bytes = read_file(entry.path(), kMaxImageBytes)) image[entry.path().filename()] = std::move(*bytes);
  return image;
}

void write_image_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const StoreFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
  ASSERT_EQ(write_fully(file.get(), bytes), 0);
}

void lay_out(const Image& image, const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (!image.contains(entry.path().filename())) std::filesystem::remove(entry.path());
  for (const auto& [name, bytes] : image) write_image_file(folder / name, bytes);
}

// One change of a test: what it does is known to the model and to the store alike.
struct Change {
  bool remove = false;
  std::vector<std::int64_t> rows;
  std::vector<Code> codes;

  void apply_to(Model& model) const {
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (remove)
        model.erase(rows[i]);
      else
        model[rows[i]] = codes[i];
  }
  Ticket submit_to(CodeStore& store) const {
    return remove ? store.submit_remove(rows) : store.submit_put(rows, matrix_of(codes, store.space().bits));
  }
  Result<void> apply_to(CodeStore& store) const { return store.wait(submit_to(store)); }
};

// The n-th change, the same in every process.
Change change_number(std::uint64_t n, std::uint32_t bits, std::uint64_t rows) {
  Rng rng(n * 7919 + 5);
  Change change;
  change.remove = rng.below(4) == 0;
  for (std::uint64_t i = 0, count = 1 + rng.below(4); i < count; ++i) {
    change.rows.push_back(static_cast<std::int64_t>(rng.below(rows)));
    change.codes.push_back(code_of(change.rows.back(), n, bits));
  }
  return change;
}

// Models after 0, 1, 2 … changes.
class History {
 public:
  History() { models_.emplace_back(); }
  void add(const Change& change) {
    models_.push_back(models_.back());
    change.apply_to(models_.back());
  }
  std::size_t size() const { return models_.size() - 1; }
  const Model& newest() const { return models_.back(); }
  const Model& after(std::size_t changes) const { return models_[changes]; }
  // How many changes explain `contents`, searched from `least` on.
  std::optional<std::size_t> find(const Model& contents, std::size_t least = 0) const {
    for (std::size_t i = least; i < models_.size(); ++i)
      if (models_[i] == contents) return i;
    return std::nullopt;
  }

 private:
  std::vector<Model> models_;
};

constexpr std::uint32_t kStoreBits = 70;

// A store whose log has acknowledged groups, and a last group of several changes that the power interrupts.
class InterruptedLog : public testing::Test {
 protected:
  void SetUp() override {
    const FastFolder made;
    std::uint64_t n = 0;
    {
      const auto store = open_store(made.path(), quiet_options(), test_space(kStoreBits));
      write(*store, n, 20, 1);
      ASSERT_TRUE(store->flush());
      write(*store, n, 12, 3);
      before_ = image_of(made.path());
      acknowledged_ = history_.size();
      write(*store, n, 1, 40);
    }
    after_ = image_of(made.path());
    for (const auto& [name, bytes] : after_)
      if (name.starts_with("log-")) log_ = name;
    ASSERT_GT(after_[log_].size(), before_[log_].size() + 2048);
    lay_out(after_, folder_.path());
  }

  // `groups` groups of `size` changes.
  void write(CodeStore& store, std::uint64_t& n, int groups, int size) {
    for (int i = 0; i < groups; ++i) {
      std::vector<Ticket> tickets;
      for (int j = 0; j < size; ++j) {
        const Change change = change_number(n++, kStoreBits, 60);
        history_.add(change);
        tickets.push_back(change.submit_to(store));
      }
      ASSERT_TRUE(store.wait(tickets.back()));
    }
  }

  Result<Model> read_with_log(std::span<const std::byte> log) {
    write_image_file(folder_.path() / log_, log);
    ++cuts_;
    return read_store(folder_.path(), test_space(kStoreBits));
  }

  // With the last group damaged in whatever way: all that was acknowledged, and then whole changes.
  void expect_acknowledged(std::span<const std::byte> log, const std::string& what) {
    const auto contents = read_with_log(log);
    ASSERT_TRUE(contents) << what << ": " << contents.error().message;
    ASSERT_TRUE(history_.find(*contents, acknowledged_)) << what;
    if (cuts_ % 16 != 0) return;
    // A writer goes on from there.
    auto store = open_store(folder_.path(), quiet_options(), test_space(kStoreBits));
    ASSERT_NE(store, nullptr) << what;
    ASSERT_TRUE(put_one(*store, 1000, code_of(1000, 1, kStoreBits))) << what;
    store.reset();
    Model expected = *contents;
    expected[1000] = code_of(1000, 1, kStoreBits);
    ASSERT_EQ(read_store(folder_.path(), test_space(kStoreBits)).value(), expected) << what;
    lay_out(after_, folder_.path());
  }

  History history_;
  std::size_t acknowledged_ = 0;
  Image before_, after_;
  std::string log_;
  FastFolder folder_;
  std::size_t cuts_ = 0;
};

TEST_F(InterruptedLog, EndsAnywhereInTheLastGroup) {
  const Bytes& whole = after_[log_];
  for (std::size_t end = before_[log_].size(); end <= whole.size(); ++end) {
    expect_acknowledged(std::span(whole).first(end), "cut at " + std::to_string(end));
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(read_with_log(whole).value(), history_.newest());
}

TEST_F(InterruptedLog, IsTornAnywhereInTheLastGroup) {
  const Bytes& whole = after_[log_];
  const Bytes& old = before_[log_];
  // What a block may have held in an earlier life: here, changes of another log of this store.
  Bytes stale;
  for (const auto& [name, bytes] : before_) stale.insert(stale.end(), bytes.begin(), bytes.end());
  while (stale.size() < whole.size()) stale.insert(stale.end(), whole.begin(), whole.end());
  Rng rng(1);
  for (const std::size_t page : {std::size_t{512}, std::size_t{4096}}) {
    for (int round = 0; round < 2500; ++round) {
      Bytes torn = whole;
      // Some pages of the unfinished write did not reach the disk; what was durable before stays.
      for (std::size_t begin = old.size() / page * page; begin < torn.size(); begin += page) {
        if (rng.below(2) == 0) continue;
        const bool zeros = rng.below(2) == 0;
        for (std::size_t i = std::max(begin, old.size()); i < std::min(begin + page, torn.size()); ++i)
          torn[i] = zeros ? std::byte{0} : stale[i];
      }
      if (rng.below(3) == 0) torn.resize(old.size() + rng.below(torn.size() - old.size() + 1));
      if (rng.below(3) == 0) torn.resize(torn.size() + rng.below(2 * page));  // the size came first
      expect_acknowledged(torn, "page " + std::to_string(page) + ", round " + std::to_string(round));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(InterruptedLog, GivesTheTruthOrAnErrorWhereverItsFileIsDamaged) {
  const Bytes& whole = before_[log_];
  lay_out(before_, folder_.path());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    // Ending early looks like a crash before the rest was written; then it is a state that was.
    const auto cut = read_with_log(std::span(whole).first(at));
    if (cut) {
      ASSERT_TRUE(history_.find(*cut, 20)) << "cut at " << at;
    }
    if (!cut) {
      ASSERT_EQ(cut.error().code, ErrorCode::kBadFormat);
    }
    Bytes flipped = whole;
    flipped[at] ^= std::byte{0x10};
    const auto read = read_with_log(flipped);
    refused += read ? 0 : 1;
    if (!read) {
      ASSERT_EQ(read.error().code, ErrorCode::kBadFormat);
    }
    if (read) {
      ASSERT_TRUE(history_.find(*read, acknowledged_ - 3)) << "only the last group may look unfinished; " << at;
    }
  }
  EXPECT_GT(refused, whole.size() * 3 / 4);
}

TEST_F(InterruptedLog, IsRepairedFromWhatIsIntactBehindDamage) {
  Bytes damaged = after_[log_];
  for (std::size_t i = 400; i < 420; ++i) damaged[i] = std::byte{0xFF};
  ASSERT_FALSE(read_with_log(damaged));
  const auto found = check_code_store(folder_.path());
  ASSERT_TRUE(found);
  ASSERT_EQ(found->problems.size(), 1U);
  EXPECT_THAT(found->problems[0], HasSubstr("is unreadable, but change"));
  const auto repaired = repair_code_store(folder_.path(), test_space(kStoreBits), Modality::kImage);
  ASSERT_TRUE(repaired) << repaired.error().message;
  ASSERT_EQ(repaired->losses.size(), 1U);
  EXPECT_THAT(repaired->losses[0], HasSubstr(log_ + ": changes "));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / (log_ + ".damaged")));
  EXPECT_TRUE(check_code_store(folder_.path())->problems.empty());
  // Nothing is invented: every code was put for that row once.
  const auto contents = read_store(folder_.path(), test_space(kStoreBits));
  ASSERT_TRUE(contents);
  for (const auto& [row, code] : *contents) {
    bool known = false;
    for (std::size_t i = 0; i <= history_.size() && !known; ++i)
      known = history_.after(i).contains(row) && history_.after(i).at(row) == code;
    EXPECT_TRUE(known) << row;
  }
  EXPECT_NE(open_store(folder_.path(), quiet_options(), test_space(kStoreBits)), nullptr);
}

// Sees a store's folder before each of its steps, with what a power cut would leave of it.
class PowerCuts {
 public:
  PowerCuts(const std::filesystem::path& folder, const History& history) : folder_(folder), history_(history) {}

  int before(StoreStep step, const std::filesystem::path& file) {
    const Image now = image_of(folder_);
    if (folder_was_synced_) durable_ = now;
    folder_was_synced_ = step == StoreStep::kSyncFolder && file == folder_;
    // Not yet a store.
    if (!now.contains("manifest.wcm") || !durable_.contains("manifest.wcm")) return 0;
    expect_store(now);
    for (int i = 0; i < 4; ++i) expect_store(left_of(now));
    return 0;
  }
  std::size_t cuts() const { return cuts_; }

 private:
  // Names that changed since the folder was synced may be there or not, each by itself.
  Image left_of(const Image& now) {
    Image left = durable_;
    for (const auto& [name, bytes] : now) {
      const bool log = name.starts_with("log-");  // grows in its place, and is synced by itself
      if ((durable_.contains(name) && log) || rng_.below(2) == 0) left[name] = bytes;
    }
    for (const auto& [name, bytes] : durable_)
      if (!now.contains(name) && rng_.below(2) == 0) left.erase(name);
    return left;
  }
  void expect_store(const Image& image) {
    ++cuts_;
    lay_out(image, copy_.path());
    const auto contents = read_store(copy_.path(), test_space(kStoreBits));
    ASSERT_TRUE(contents) << contents.error().message;
    // The newest change may be under way.
    const std::size_t newest = history_.size();
    ASSERT_TRUE(history_.find(*contents, newest == 0 ? 0 : newest - 1)) << "cut " << cuts_;
    if (cuts_ % 16 != 0) return;
    ASSERT_TRUE(put_one(*open_store(copy_.path(), quiet_options(), test_space(kStoreBits)), 1000,
                        code_of(1000, 1, kStoreBits)));
    const auto report = check_code_store(copy_.path());
    ASSERT_TRUE(report);
    ASSERT_TRUE(report->problems.empty()) << report->problems[0];
  }

  const std::filesystem::path folder_;
  const History& history_;
  FastFolder copy_;
  Image durable_;
  bool folder_was_synced_ = false;
  Rng rng_{3};
  std::size_t cuts_ = 0;
};

TEST(CodeStoreCrash, LosesNothingBetweenAnyTwoStepsOnItsFolder) {
  const FastFolder memory;
  History history;
  PowerCuts cuts(memory.path(), history);
  CodeStoreOptions options = quiet_options(24);
  options.step_hook = [&](StoreStep step, const std::filesystem::path& file) { return cuts.before(step, file); };
  auto store = open_store(memory.path(), options, test_space(kStoreBits));
  for (std::uint64_t n = 0; n < 300; ++n) {
    const Change change = change_number(n, kStoreBits, 80);
    history.add(change);
    ASSERT_TRUE(change.apply_to(*store));
    ASSERT_EQ(contents_of(*store->snapshot()), history.newest());
    if (n % 60 == 59) {
      ASSERT_TRUE(store->compact());
    }
    if (n % 50 != 49) continue;
    store.reset();
    store = open_store(memory.path(), options, test_space(kStoreBits));
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(cuts.cuts(), 4000U);
}

// Fails one step of a run, the n-th.
struct FailingStep {
  int until = 0;
  int reason = 0;
  bool failed = false;
  int before(StoreStep, const std::filesystem::path&) { return until-- == 0 ? (failed = true, reason) : 0; }
};

// What a run with one failing step comes to. Changes that failed are not part of the history, or (where nobody can
// know) may be at its end.
void run_with_failure(FailingStep& failing) {
  const FastFolder memory;
  CodeStoreOptions options = quiet_options(12);
  options.step_hook = [&](StoreStep step, const std::filesystem::path& file) { return failing.before(step, file); };
  Model model;
  Model maybe;
  bool broken = false;
  {
    auto opened = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, options);
    if (!opened) {
      ASSERT_TRUE(failing.failed);
      ASSERT_EQ(opened.error().code, ErrorCode::kIo);
      ASSERT_FALSE(opened.error().hint.empty());
      opened = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, options);
    }
    ASSERT_TRUE(opened) << opened.error().message;
    for (std::uint64_t n = 0; n < 40; ++n) {
      const Change change = change_number(n, kStoreBits, 30);
      const auto done = change.apply_to(**opened);
      if (done) change.apply_to(model);
      if (!broken) {
        maybe = model;
        change.apply_to(maybe);
      }
      if (!done) {
        ASSERT_EQ(done.error().code, ErrorCode::kIo);
      }
      if (!done && failing.reason == ENOSPC && !done.error().hint.contains("open the store again")) {
        ASSERT_THAT(done.error().hint, HasSubstr("make room"));
      }
      broken = broken || !done;
      ASSERT_EQ(contents_of(*(*opened)->snapshot()), model) << "reading goes on";
      if (n == 30) static_cast<void>((*opened)->compact().has_value());
    }
  }
  const auto contents = read_store(memory.path(), test_space(kStoreBits));
  ASSERT_TRUE(contents) << contents.error().message;
  ASSERT_TRUE(*contents == model || *contents == maybe);
  const auto store = open_store(memory.path(), quiet_options(), test_space(kStoreBits));
  ASSERT_TRUE(put_one(*store, 5, code_of(5, 99, kStoreBits)));
  ASSERT_TRUE(store->compact());
  const auto report = check_code_store(memory.path());
  ASSERT_TRUE(report && report->problems.empty());
}

TEST(CodeStoreCrash, KeepsItsWordWhicheverStepFails) {
  for (const int reason : {ENOSPC, EIO, EROFS}) {
    int steps = 0;
    for (bool failed = true; failed; ++steps) {
      FailingStep failing{steps, reason};
      run_with_failure(failing);
      if (testing::Test::HasFatalFailure()) FAIL() << "step " << steps << ", reason " << reason;
      failed = failing.failed;
    }
    EXPECT_GT(steps, 100);
  }
}

TEST(CodeStoreCrash, TakesNoMoreChangesAfterAFailedFsync) {
  const FastFolder memory;
  bool failing = false;
  CodeStoreOptions options = quiet_options();
  options.step_hook = [&](StoreStep step, const std::filesystem::path&) {
    return failing && step == StoreStep::kSyncLog ? EIO : 0;
  };
  auto store = open_store(memory.path(), options);
  ASSERT_TRUE(put_one(*store, 1, {1}));
  failing = true;
  ASSERT_FALSE(put_one(*store, 2, {2}));
  failing = false;
  const auto refused = put_one(*store, 3, {3});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().message, HasSubstr("takes no more changes"));
  EXPECT_FALSE(store->flush());
  EXPECT_EQ(contents_of(*store->snapshot()), (Model{{1, {1}}})) << "reading goes on";
  store.reset();
  store = open_store(memory.path(), options);
  EXPECT_EQ(store->snapshot()->find(1), Code{1});
  EXPECT_EQ(store->snapshot()->find(3), std::nullopt);
  EXPECT_TRUE(put_one(*store, 3, {3}));
}

TEST(CodeStoreCrash, CanBeSearchedWhereNothingCanBeWritten) {
  const FastFolder memory;
  ASSERT_TRUE(put_one(*open_store(memory.path(), quiet_options()), 1, {1}));
  const Image before = image_of(memory.path());
  CodeStoreOptions options;
  options.step_hook = [](StoreStep, const std::filesystem::path&) { return EROFS; };
  const auto store = CodeStore::open(memory.path(), test_space(), Modality::kImage, options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kIo);
  EXPECT_THAT(store.error().message, HasSubstr("Read-only file system"));
  EXPECT_THAT(store.error().hint, HasSubstr("can only be searched here"));
  EXPECT_EQ(read_store(memory.path(), test_space()).value(), (Model{{1, {1}}}));
  EXPECT_EQ(image_of(memory.path()), before);
}

TEST(CodeStoreCrash, KeepsEveryAcknowledgedChangeWhenItsWriterIsKilled) {
  constexpr int kRounds = 250;
  const FastFolder memory;
  CodeStoreOptions options;
  options.max_memory_codes = 40;
  Rng rng(17);
  Model model;
  std::uint64_t done = 0;  // changes
  for (int round = 0; round < kRounds; ++round) {
    Child<std::uint64_t> writer([&](const auto& tell) {
      const auto store = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, options);
      if (!store) return 1;
      for (std::uint64_t n = done;; ++n) {
        if (!change_number(n, kStoreBits, 200).apply_to(**store)) return 2;
        tell(n + 1);
      }
    });
    // Killed some changes later, or now and then while it opens the store.
    std::uint64_t told = done;
    for (std::uint64_t heard = round % 8 == 0 ? 0 : 1 + rng.below(16); heard > 0; --heard) {
      const auto next = writer.hear();
      ASSERT_TRUE(next) << "round " << round;
      told = *next;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(2000)));
    writer.kill();
    while (const auto next = writer.hear()) told = *next;
    for (; done < told; ++done) change_number(done, kStoreBits, 200).apply_to(model);

    if (!std::filesystem::exists(memory.path() / "manifest.wcm")) continue;  // killed before there was a store
    const auto contents = read_store(memory.path(), test_space(kStoreBits));
    ASSERT_TRUE(contents) << "round " << round << ": " << contents.error().message;
    // The change under way may be there too: then whole.
    if (*contents != model) change_number(done++, kStoreBits, 200).apply_to(model);
    ASSERT_EQ(*contents, model) << "round " << round;
  }
  EXPECT_GT(done, 1000U);
  const auto report = check_code_store(memory.path());
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->problems.empty());
}

TEST(CodeStoreCrash, GoesOnWhenAFullDiskHasRoomAgain) {
  const FastFolder memory;
  Child<std::uint64_t> writer([&](const auto&) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const rlim_t all = std::exchange(limit.rlim_cur, 10000);  // no file grows past this: what a full disk looks like
    const auto store = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, quiet_options());
    if (!store || ::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    std::uint64_t n = 0;
    Model model;
    for (;; ++n) {
      const auto put = change_number(n, kStoreBits, 1000).apply_to(**store);
      if (!put && (put.error().code != ErrorCode::kIo || put.error().hint.empty())) return 3;
      if (!put) break;
      change_number(n, kStoreBits, 1000).apply_to(model);
    }
    if (n < 10 || contents_of(*(*store)->snapshot()) != model) return 4;
    if (change_number(n, kStoreBits, 1000).apply_to(**store)) return 5;  // still full
    limit.rlim_cur = all;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 6;
    for (const std::uint64_t end = n + 50; n < end; ++n) {
      if (!change_number(n, kStoreBits, 1000).apply_to(**store)) return 7;
      change_number(n, kStoreBits, 1000).apply_to(model);
    }
    if (contents_of(*(*store)->snapshot()) != model) return 8;
    const auto read = read_store(memory.path(), test_space(kStoreBits));
    return read && *read == model ? 0 : 9;
  });
  EXPECT_EQ(writer.wait(), 0);
}

TEST(CodeStoreRepair, SavesWhatIsIntactWhicheverFileIsDamaged) {
  const FastFolder made;
  History history;
  {
    const auto store = open_store(made.path(), quiet_options(40), test_space(kStoreBits));
    for (std::uint64_t n = 0; n < 120; ++n) {
      history.add(change_number(n, kStoreBits, 90));
      ASSERT_TRUE(change_number(n, kStoreBits, 90).apply_to(*store));
    }
  }
  const Image whole = image_of(made.path());
  const FastFolder memory;
  for (const auto& [name, bytes] : whole) {
    if (name == "writer.lock") continue;
    for (const bool missing : {false, true}) {
      Image image = whole;
      if (missing)
        image.erase(name);
      else
        image[name][bytes.size() / 2] ^= std::byte{1};
      lay_out(image, memory.path());
      const auto report = repair_code_store(memory.path(), test_space(kStoreBits), Modality::kImage);
      ASSERT_TRUE(report) << name << ": " << report.error().message;
      EXPECT_FALSE(report->problems.empty()) << name;
      EXPECT_FALSE(report->losses.empty()) << name;
      EXPECT_EQ(std::filesystem::exists(memory.path() / (name + ".damaged")), !missing) << name;
      const auto contents = read_store(memory.path(), test_space(kStoreBits));
      ASSERT_TRUE(contents) << name << ": " << contents.error().message;
      if (name == "manifest.wcm") {
        EXPECT_EQ(*contents, history.newest());
      }
      for (const auto& [row, code] : *contents) {
        const auto version = code[0] & 0xFFFFFFFF;
        ASSERT_EQ(code, code_of(row, version, kStoreBits)) << "no code is invented";
      }
      const auto again = repair_code_store(memory.path(), test_space(kStoreBits), Modality::kImage);
      ASSERT_TRUE(again);
      EXPECT_TRUE(again->problems.empty()) << name;
    }
  }
}

}  // namespace
}  // namespace warifu
