#include "segments/code_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/rng.h"
#include "segments/code_store_for_test.h"
#include "segments/mapped_segment.h"
#include "segments/store_names.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_in_store(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

TEST(CodeStore, ShowsAChangeAtOnceAndAfterItIsOpenedAgain) {
  const FastFolder memory;
  const auto folder = memory.path() / "new" / "store";
  Model expected;
  {
    const auto store = open_store(folder, quiet_options());
    EXPECT_EQ(store->snapshot()->count(), 0U);
    ASSERT_TRUE(store->put(std::vector<std::int64_t>{7, 1LL << 40}, matrix_of({code_of(7, 1), code_of(8, 1)})));
    EXPECT_EQ(store->snapshot()->find(7), code_of(7, 1));
    EXPECT_EQ(store->snapshot()->find(8), std::nullopt);
    ASSERT_TRUE(put_one(*store, 7, code_of(7, 2)));
    EXPECT_EQ(store->snapshot()->find(7), code_of(7, 2));
    ASSERT_TRUE(store->remove(std::vector<std::int64_t>{1LL << 40, 99}));
    expected = {{7, code_of(7, 2)}};
    EXPECT_EQ(contents_of(*store->snapshot()), expected);
  }
  EXPECT_EQ(read_store(folder, test_space()).value(), expected);
  EXPECT_EQ(contents_of(*open_store(folder, quiet_options())->snapshot()), expected);
}

TEST(CodeStore, AnswersAsAMapDoesWhateverIsDoneToIt) {
  for (const std::uint32_t bits : {13U, 64U, 130U}) {
    const CodeSpace space = test_space(bits);
    const FastFolder memory;
    const auto& folder = memory.path();
    Rng rng(bits);
    Model model;
    auto store = open_store(folder, quiet_options(200), space);
    std::uint64_t version = 0;
    for (int step = 0; step < 1500; ++step) {
      const auto action = rng.below(100);
      if (action < 55) {
        std::vector<std::int64_t> rows(1 + rng.below(12));
        std::vector<Code> codes;
        for (std::int64_t& row : rows) {
          row = static_cast<std::int64_t>(rng.below(700)) * (rng.below(50) == 0 ? 1LL << 33 : 1);
          codes.push_back(code_of(row, ++version, bits));
          model[row] = codes.back();
        }
        ASSERT_TRUE(store->put(rows, matrix_of(codes, bits)));
      } else if (action < 90) {
        std::vector<std::int64_t> rows(1 + rng.below(12));
        for (std::int64_t& row : rows) model.erase(row = static_cast<std::int64_t>(rng.below(700)));
        ASSERT_TRUE(store->remove(rows));
      } else if (action < 95) {
        ASSERT_TRUE(store->flush());
      } else if (action < 97) {
        ASSERT_TRUE(store->compact());
        EXPECT_LE(store->snapshot()->segments().size(), 1U);
      } else {
        store.reset();
        ASSERT_EQ(read_store(folder, space).value(), model);
        CodeStoreOptions options = quiet_options(200);
        options.background_compaction = rng.below(2) == 0;
        store = open_store(folder, options, space);
      }
      const auto snapshot = store->snapshot();
      const auto row = static_cast<std::int64_t>(rng.below(700));
      const auto found = model.find(row);
      ASSERT_EQ(snapshot->find(row), found == model.end() ? std::nullopt : std::optional(found->second));
      if (step % 10 != 0) continue;
      ASSERT_EQ(contents_of(*snapshot), model) << "step " << step;
    }
    EXPECT_GT(store->stats().generation, 20U);
  }
}

TEST(CodeStore, RefusesWhatBreaksARuleAndWritesNothing) {
  const FastFolder memory;
  const auto& folder = memory.path();
  const auto store = open_store(folder, quiet_options(), test_space(70));
  const auto code = [](Code words) { return matrix_of({std::move(words)}, 70); };
  const auto answer = [](const Result<void>& result) { return result.error().code; };
  using Rows = std::vector<std::int64_t>;
  EXPECT_EQ(answer(store->put(Rows{-1}, code({1, 1}))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(answer(store->put(Rows{1, 2}, code({1, 1}))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(answer(store->put(Rows{1}, code({1, 1 << 6}))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(answer(store->put(Rows{1}, matrix_of({{1}}, 64))), ErrorCode::kIncompatible);
  EXPECT_EQ(answer(store->remove(Rows{1, -2})), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(store->put(Rows{}, CodeMatrix()));
  EXPECT_TRUE(store->remove(Rows{}));
  EXPECT_EQ(store->stats().changes, 0U);
  ASSERT_TRUE(store->put(Rows{5, 5}, matrix_of({{1, 1}, {2, 2}}, 70))) << "the last one counts";
  EXPECT_EQ(store->snapshot()->find(5), (Code{2, 2}));
}

TEST(CodeStore, IsOfOneSpaceAndModality) {
  const FastFolder memory;
  const auto& folder = memory.path();
  open_store(folder, quiet_options());
  CodeSpace newer = test_space();
  ++newer.generation;
  EXPECT_EQ(CodeStore::open(folder, newer, Modality::kImage).error().code, ErrorCode::kIncompatible);
  const auto texts = CodeStore::open(folder, test_space(), Modality::kText);
  EXPECT_EQ(texts.error().code, ErrorCode::kIncompatible);
  EXPECT_THAT(texts.error().message, HasSubstr("not 割符 (cca-itq, 64 bits, generation 3, model 0123456789abcdef)"));
  EXPECT_EQ(load_code_snapshot(folder, newer, Modality::kImage).error().code, ErrorCode::kIncompatible);
  EXPECT_EQ(CodeStore::open(folder, test_space(0), Modality::kImage).error().code, ErrorCode::kInvalidArgument);
}

TEST(CodeStore, HasOneWriterAndAnyNumberOfReaders) {
  const FastFolder memory;
  const auto& folder = memory.path();
  EXPECT_EQ(load_code_snapshot(folder, test_space(), Modality::kImage).error().code, ErrorCode::kNotFound);
  const auto store = open_store(folder, quiet_options());
  const auto second = CodeStore::open(folder, test_space(), Modality::kImage);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
  ASSERT_TRUE(put_one(*store, 1, code_of(1, 1)));
  EXPECT_EQ(read_store(folder, test_space()).value(), (Model{{1, code_of(1, 1)}}));
}

TEST(CodeStore, FlushesWhenMemoryIsFullAndMergesFourNeighbours) {
  const FastFolder memory;
  const auto& folder = memory.path();
  CodeStoreOptions options = quiet_options(100);
  const auto store = open_store(folder, options);
  Model model;
  for (std::int64_t row = 0; row < 1000; ++row) {
    model[row] = code_of(row, 1);
    ASSERT_TRUE(put_one(*store, row, model[row]));
  }
  EXPECT_EQ(store->stats().flushes, 10U);
  EXPECT_EQ(store->stats().segments, 10U);
  EXPECT_EQ(store->stats().memory_codes, 0U);
  ASSERT_TRUE(store->compact());
  EXPECT_EQ(store->stats().segments, 1U);
  EXPECT_EQ(contents_of(*store->snapshot()), model);
  EXPECT_THAT(names_in_store(folder), testing::SizeIs(4)) << "lock, log, manifest and one segment";
}

TEST(CodeStore, CompactsInTheBackground) {
  const FastFolder memory;
  const auto& folder = memory.path();
  CodeStoreOptions options = quiet_options(64);
  options.background_compaction = true;
  const auto store = open_store(folder, options);
  Model model;
  for (std::int64_t i = 0; i < 4000; ++i) {
    const std::int64_t row = i % 500;
    model[row] = code_of(row, static_cast<std::uint64_t>(i));
    ASSERT_TRUE(put_one(*store, row, model[row]));
  }
  ASSERT_TRUE(store->flush());
  for (int i = 0; i < 500 && store->stats().segments > 6; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LE(store->stats().segments, 6U);
  EXPECT_EQ(store->stats().background_error, std::nullopt);
  EXPECT_EQ(contents_of(*store->snapshot()), model);
}

TEST(CodeStore, HasFewSegmentsThoughItIsOpenedForEachChange) {
  const FastFolder memory;
  Model model;
  for (std::int64_t row = 0; row < 100; ++row) {
    const auto store = open_store(memory.path(), {});
    EXPECT_LE(store->stats().segments, 12U) << row;
    model[row] = code_of(row, 1);
    ASSERT_TRUE(put_one(*store, row, model[row]));
  }
  EXPECT_EQ(read_store(memory.path(), test_space()).value(), model);
}

TEST(CodeStore, NoticesEveryFlippedBitAfterItWasClosed) {
  const FastFolder memory;
  const auto& folder = memory.path();
  Model model;
  {
    const auto store = open_store(folder, quiet_options());
    for (std::int64_t row = 0; row < 20; ++row) ASSERT_TRUE(put_one(*store, row, model[row] = code_of(row, 1)));
    ASSERT_TRUE(store->remove(std::vector<std::int64_t>{19}));
    model.erase(19);
  }
  for (const std::string& name : names_in_store(folder)) {
    if (name == "writer.lock") continue;
    const Bytes whole = *read_file(folder / name, std::size_t{1} << 20);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::fstream(folder / name).seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(~whole[at]));
      const auto read = read_store(folder, test_space());
      std::fstream(folder / name).seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(whole[at]));
      ASSERT_EQ(read.value_or(model), model) << name << ", byte " << at;  // padding has no checksum
    }
  }
}

TEST(CodeStore, ASnapshotOutlivesWhatHappensToItsFiles) {
  const FastFolder memory;
  const auto& folder = memory.path();
  auto store = open_store(folder, quiet_options(50));
  Model model;
  for (std::int64_t row = 0; row < 220; ++row) {
    model[row] = code_of(row, 1);
    ASSERT_TRUE(put_one(*store, row, model[row]));
  }
  const auto old = store->snapshot();
  const auto loaded = load_code_snapshot(folder, test_space(), Modality::kImage);
  ASSERT_TRUE(loaded);
  for (std::int64_t row = 0; row < 220; row += 2) ASSERT_TRUE(put_one(*store, row, code_of(row, 2)));
  ASSERT_TRUE(store->remove(std::vector<std::int64_t>{1, 3, 219}));
  ASSERT_TRUE(store->compact());
  store.reset();
  std::filesystem::remove_all(folder);
  EXPECT_EQ(contents_of(*old), model);
  EXPECT_EQ(contents_of(**loaded), model);
  for (const auto& [row, code] : model) EXPECT_EQ(old->find(row), code);
}

// Every row of a fixed set always has exactly one code, and versions of a row never go back, in any reader's eyes.
TEST(CodeStore, ReadersSeeEveryRowExactlyOnceWhileItIsReplaced) {
  constexpr std::int64_t kRows = 300;
  const FastFolder memory;
  const auto& folder = memory.path();
  CodeStoreOptions options = quiet_options(128);
  options.background_compaction = true;
  const auto store = open_store(folder, options);
  std::vector<std::int64_t> rows;
  std::vector<Code> codes;
  for (std::int64_t row = 0; row < kRows; ++row) {
    rows.push_back(row);
    codes.push_back({0});
  }
  ASSERT_TRUE(store->put(rows, matrix_of(codes)));
  std::atomic<bool> stop = false;
  std::atomic<int> looks = 0;
  const auto read = [&] {
    std::vector<std::uint64_t> seen(kRows, 0);
    while (!stop) {
      const auto snapshot = store->snapshot();
      const auto contents = contents_of(*snapshot);
      ASSERT_TRUE(contents);
      ASSERT_EQ(contents->size(), static_cast<std::size_t>(kRows));
      for (const auto& [row, code] : *contents) {
        ASSERT_GE(code[0], std::exchange(seen[static_cast<std::size_t>(row)], code[0]));
        ASSERT_EQ(snapshot->find(row), code);
      }
      ++looks;
    }
  };
  const auto write = [&](std::int64_t writer) {
    for (std::uint64_t version = 1; version <= 400; ++version) {
      const auto row = static_cast<std::int64_t>(version * 7 % 100) + writer * 100;
      ASSERT_TRUE(put_one(*store, row, {version}));
      ASSERT_EQ(store->snapshot()->find(row), Code{version}) << "visible when the call returns";
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back(read);
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i) writers.emplace_back(write, i);
  for (std::thread& writer : writers) writer.join();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(looks, 5);
  EXPECT_GT(store->stats().flushes, 3U);
}

TEST(CodeStore, OneThreadHasManyChangesOnTheirWay) {
  const FastFolder memory;
  const auto& folder = memory.path();
  auto store = open_store(folder, quiet_options());
  Model model;
  std::vector<Ticket> tickets;
  for (std::int64_t row = 0; row < 5000; ++row) {
    model[row] = code_of(row, 1);
    tickets.push_back(store->submit_put(std::vector{row}, matrix_of({model[row]})));
  }
  model.erase(17);
  tickets.push_back(store->submit_remove(std::vector<std::int64_t>{17}));
  tickets.push_back(store->submit_put(std::vector<std::int64_t>{-1}, matrix_of({{1}})));
  EXPECT_FALSE(store->wait(tickets.back()));
  tickets.pop_back();
  for (const Ticket& ticket : tickets) ASSERT_TRUE(store->wait(ticket));
  EXPECT_LT(store->stats().groups, 100U) << "they share their fsyncs";
  EXPECT_EQ(contents_of(*store->snapshot()), model);
  store->submit_put(std::vector<std::int64_t>{9999}, matrix_of({{1}}));
  model[9999] = {1};
  store.reset();
  EXPECT_EQ(read_store(folder, test_space()).value(), model) << "what nobody waited for is committed at the end";
}

TEST(CodeStore, IsCopiedWhileItChanges) {
  const FastFolder memory;
  const auto& folder = memory.path();
  CodeStoreOptions options = quiet_options(100);
  options.background_compaction = true;
  const auto store = open_store(folder / "store", options);
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> acknowledged = 0;
  std::thread writer([&] {
    for (std::int64_t row = 0; !stop; ++row) {
      ASSERT_TRUE(put_one(*store, row, code_of(row, 1)));
      acknowledged = row + 1;
    }
  });
  for (int i = 0; i < 10; ++i) {
    const std::int64_t before = acknowledged;
    const auto target = folder / ("copy" + std::to_string(i));
    ASSERT_TRUE(store->backup(target));
    const auto copy = read_store(target, test_space());
    ASSERT_TRUE(copy) << copy.error().message;
    ASSERT_GE(copy->size(), static_cast<std::size_t>(before));
    // Rows came in ascending order: a consistent copy has no gap.
    for (std::int64_t row = 0; row < static_cast<std::int64_t>(copy->size()); ++row) ASSERT_TRUE(copy->contains(row));
    EXPECT_TRUE(put_one(*open_store(target, quiet_options()), 1, {1})) << "a copy is a store";
  }
  stop = true;
  writer.join();
  EXPECT_EQ(store->backup(folder / "copy1").error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(names_in_store(folder), testing::SizeIs(11)) << "nothing half copied is left";
}

TEST(CodeStore, LeavesFilesOfOthersAlone) {
  const FastFolder memory;
  const auto& folder = memory.path();
  const std::string segment = segment_file_name(9, 9);
  const std::vector<std::string> mine = {"notes.txt",
                                         "segment-1.wcs",
                                         log_file_name(9) + ".damaged",
                                         log_file_name(1) + ".backup",
                                         segment + ".damaged",
                                         segment + ".aBcDeF",  // or ".backup": nobody can tell
                                         segment + ".tmp.backups",
                                         segment_file_name(1ULL << 63, 1)};
  open_store(folder, quiet_options());
  for (const std::string& name : mine) std::ofstream(folder / name) << "mine";
  const std::vector<std::string> leftovers = {log_file_name(9), deletes_file_name(9) + ".tmp", segment,
                                              segment + ".tmp.aBcDe7", "manifest.wcm.tmp"};
  for (const std::string& name : leftovers) std::ofstream(folder / name) << "left by a crash";
  open_store(folder, quiet_options());
  for (const std::string& name : mine) EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  for (const std::string& name : leftovers) EXPECT_FALSE(std::filesystem::exists(folder / name)) << name;
}

TEST(CodeStore, DoesNotBeginAnewWhereItsManifestIsMissing) {
  const FastFolder memory;
  const auto& folder = memory.path();
  ASSERT_TRUE(put_one(*open_store(folder, quiet_options()), 1, {1}));
  std::filesystem::remove(folder / "manifest.wcm");
  const auto store = CodeStore::open(folder, test_space(), Modality::kImage);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(store.error().hint, HasSubstr("warifu doctor"));
}

TEST(CodeStore, NoticesASwappedSegment) {
  const FastFolder memory;
  const auto& folder = memory.path();
  {
    const auto store = open_store(folder, quiet_options());
    ASSERT_TRUE(put_one(*store, 1, {1}));
    ASSERT_TRUE(store->flush());
    ASSERT_TRUE(put_one(*store, 1, {2}));
    ASSERT_TRUE(store->flush());
  }
  std::vector<std::filesystem::path> segments;
  for (const std::string& name : names_in_store(folder))
    if (name.ends_with(".wcs")) segments.push_back(folder / name);
  ASSERT_EQ(segments.size(), 2U);
  std::filesystem::copy_file(segments[0], segments[1], std::filesystem::copy_options::overwrite_existing);
  const auto store = CodeStore::open(folder, test_space(), Modality::kImage);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("another segment lies under this name"));
}

}  // namespace
}  // namespace warifu
