// What a reader makes of a log whose last group the power interrupted, at whatever byte, or that is damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "segments/code_store_check.h"
#include "segments/code_store_crash_for_test.h"
#include "segments/store_loading.h"

namespace warifu {
namespace {

using testing::HasSubstr;

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
      after_ = image_of(made.path());  // of an open store: closing it writes the log out
    }
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

TEST_F(InterruptedLog, IsKeptAsideWhenItsEndIsCutOff) {
  const CodeSpace space = test_space(kStoreBits);
  for (const std::size_t missing : {std::size_t{1}, std::size_t{9}}) {
    lay_out(after_, folder_.path());
    Bytes torn = after_[log_];
    torn.resize(torn.size() - missing);
    const Model shown = read_with_log(torn).value();
    auto report = check_code_store(folder_.path());
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->problems.empty()) << "a crash is no damage";
    ASSERT_EQ(report->notes.size(), 1U);
    EXPECT_THAT(report->notes[0], HasSubstr(log_ + ": the end, from byte "));

    EXPECT_EQ(contents_of(*open_store(folder_.path(), quiet_options(), space)->snapshot()), shown);
    EXPECT_EQ(image_of(folder_.path())["log.torn"], torn) << "the newest one is kept";
    report = check_code_store(folder_.path());
    ASSERT_TRUE(report && report->problems.empty());
    ASSERT_EQ(report->notes.size(), 1U);
    EXPECT_THAT(report->notes[0], HasSubstr("log.torn"));
    // It is not in the way of a store that goes on.
    ASSERT_TRUE(put_one(*open_store(folder_.path(), quiet_options(), space), 1000, code_of(1000, 1, kStoreBits)));
    EXPECT_EQ(image_of(folder_.path())["log.torn"], torn);
  }
}

TEST_F(InterruptedLog, IsKeptByARepairThatSomethingElseCallsFor) {
  Bytes torn = after_[log_];
  torn.resize(torn.size() - 9);
  write_image_file(folder_.path() / log_, torn);
  const auto segment =
      std::ranges::find_if(after_, [](const auto& file) { return file.first.starts_with("segment-"); });
  ASSERT_NE(segment, after_.end());
  Bytes damaged = segment->second;
  damaged.back() ^= std::byte{1};
  write_image_file(folder_.path() / segment->first, damaged);
  const auto report = repair_code_store(folder_.path(), test_space(kStoreBits), Modality::kImage);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->problems.size(), 1U);
  Image image = image_of(folder_.path());
  EXPECT_EQ(image[log_ + ".damaged"], torn);
  EXPECT_EQ(image[segment->first + ".damaged"], damaged);
  EXPECT_FALSE(image.contains(log_));
}

TEST_F(InterruptedLog, IsReadAgainWhereItsWriterChangedItMeanwhile) {
  Bytes mixed = after_[log_];
  for (std::size_t i = 400; i < 420; ++i) mixed[i] = std::byte{0xFF};
  write_image_file(folder_.path() / log_, mixed);
  int reads = 0;
  const auto load = [&](int whole_from) {
    reads = 0;
    const StoreFolder folder(folder_.path(), [&, whole_from](StoreStep step, const std::filesystem::path& file) {
      if (step == StoreStep::kReadLog && ++reads == whole_from) write_image_file(file, after_[log_]);
      return 0;
    });
    return load_code_snapshot(folder, test_space(kStoreBits), Modality::kImage);
  };
  const auto damaged = load(100);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kBadFormat);
  EXPECT_EQ(reads, 3);
  const auto loaded = load(2);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(contents_of(**loaded), history_.newest());
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

}  // namespace
}  // namespace warifu
