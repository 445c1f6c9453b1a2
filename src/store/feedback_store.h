#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// What somebody asked, as it is kept: words, a picture, both, or an item for more like it.
struct JudgedQuery {
  std::string text;     // empty: none
  std::string item_id;  // empty: none
  std::string picture;  // content_hash of the picture's bytes; empty: none

  // Names the query: 32 hex digits that follow from all of it.
  std::string id() const;
};

// Whether an item is the right answer to a query, in somebody's eyes.
struct Judgement {
  JudgedQuery query;
  std::string item;  // its id
  std::string who;
  bool right = false;
  // How the answer showed it, where that is known.
  std::optional<std::size_t> rank;      // from 1
  std::optional<std::size_t> distance;  // Hamming
  std::string confidence;               // "likely", "unsure", "weak", or empty
  std::chrono::sys_seconds time;
};

struct FeedbackCounts {
  std::size_t right = 0;
  std::size_t wrong = 0;
  std::size_t queries = 0;
};

// Judgements of answers, kept for evaluation in one folder: feedback.db (SQLite, WAL) and pictures/ with the pictures
// of queries under their hashes. Of the same person on the same query and item the last one counts. What put() and
// take_back() have returned survives a crash and a power cut.
//
// Bounded: kUnavailable with what to do beyond kMost judgements or kMostPictures pictures.
//
// Thread safety: any; several processes may have it open.
class FeedbackStore {
 public:
  static constexpr std::size_t kMost = 1'000'000;
  static constexpr std::size_t kMostPictures = 10'000;

  // Makes the folder where there is none. kIo, kBadFormat, kIncompatible as Catalog.
  static Result<std::unique_ptr<FeedbackStore>> open(const std::filesystem::path& folder);
  ~FeedbackStore();

  // `picture`: the bytes that query.picture names; nothing where it names none.
  Result<void> put(const Judgement& judgement, std::span<const std::byte> picture = {});
  // Nothing where there was none. With its last judgement a query goes, and its picture with it.
  Result<void> take_back(const JudgedQuery& query, std::string_view item, std::string_view who);

  // Newest first.
  Result<std::vector<Judgement>> judgements(std::size_t limit) const;
  Result<FeedbackCounts> counts() const;
  std::filesystem::path pictures() const;                  // their folder
  static std::string picture_name(std::string_view hash);  // of the file there

  // A copy as of now into a new folder, while others write.
  Result<void> backup(const std::filesystem::path& target) const;

 private:
  class Impl;
  explicit FeedbackStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace warifu
