#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/fresh_folder_for_test.h"
#include "codes/code_matrix.h"
#include "segments/code_snapshot.h"
#include "segments/code_store.h"

// What tests of code stores know of the right answer. For tests.
namespace warifu {

using Bytes = std::vector<std::byte>;
using Code = std::vector<std::uint64_t>;
using Model = std::map<std::int64_t, Code>;  // row to the words of its code

inline CodeSpace test_space(std::uint32_t bits = 64) { return {"割符", "cca-itq", "0123456789abcdef", bits, 3}; }

// An empty folder in memory where the system has one (its fsync costs nothing), else where other tests have theirs.
inline std::filesystem::path fast_folder() {
  std::string pattern = "/dev/shm/warifu-test-XXXXXX";
  return mkdtemp(pattern.data()) != nullptr ? std::filesystem::path(pattern) : fresh_folder();
}

// A folder of fast_folder(), removed with everything in it at the end: memory is not a place to leave things.
class FastFolder {
 public:
  FastFolder() : path_(fast_folder()) {}
  FastFolder(const FastFolder&) = delete;
  FastFolder& operator=(const FastFolder&) = delete;
  ~FastFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A code that no other (row, version) has.
inline Code code_of(std::int64_t row, std::uint64_t version, std::uint32_t bits = 64) {
  Code code((std::size_t{bits} + 63) / 64);
  for (std::size_t i = 0; i < code.size(); ++i)
    code[i] = (static_cast<std::uint64_t>(row) << 32 | version) * (2 * i + 1);
  if (bits % 64 != 0) code.back() &= (std::uint64_t{1} << (bits % 64)) - 1;
  return code;
}

inline CodeMatrix matrix_of(const std::vector<Code>& codes, std::uint32_t bits = 64) {
  std::vector<std::uint64_t> words;
  for (const Code& code : codes) words.insert(words.end(), code.begin(), code.end());
  return CodeMatrix(codes.size(), bits, std::move(words));
}

inline Result<void> put_one(CodeStore& store, std::int64_t row, const Code& code) {
  return store.put(std::vector{row}, matrix_of({code}, store.space().bits));
}

// Everything live in a snapshot, found by walking its segments. Nothing: a row is live twice, or a count is wrong.
inline std::optional<Model> contents_of(const CodeSnapshot& snapshot) {
  Model contents;
  std::size_t counted = 0;
  for (const SegmentView& segment : snapshot.segments()) {
    const CodeMatrix codes = unblock(segment.codes);
    for (std::size_t i = 0; i < segment.codes.count; ++i) {
      if (segment.live != nullptr && ((segment.live[i / 64] >> (i % 64)) & 1U) == 0) continue;
      const auto words = codes.row(i);
      if (!contents.emplace(segment.rows[i], Code(words.begin(), words.end())).second) return std::nullopt;
    }
    counted += segment.live_count;
  }
  if (counted != contents.size() || snapshot.count() != contents.size()) return std::nullopt;
  return contents;
}

// The store without its lock and without a thread, as a test wants to look at it.
inline Result<Model> read_store(const std::filesystem::path& folder, const CodeSpace& space,
                                Modality modality = Modality::kImage) {
  const auto snapshot = load_code_snapshot(folder, space, modality);
  if (!snapshot) return std::unexpected(snapshot.error());
  auto contents = contents_of(**snapshot);
  if (!contents) return fail(ErrorCode::kInternal, "a row is live twice, or a count is wrong");
  return *contents;
}

inline CodeStoreOptions quiet_options(std::size_t max_memory_codes = 65536) {
  CodeStoreOptions options;
  options.max_memory_codes = max_memory_codes;
  options.background_compaction = false;
  return options;
}

inline std::unique_ptr<CodeStore> open_store(const std::filesystem::path& folder, const CodeStoreOptions& options,
                                             const CodeSpace& space = test_space()) {
  auto store = CodeStore::open(folder, space, Modality::kImage, options);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

}  // namespace warifu
