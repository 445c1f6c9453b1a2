#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/rng.h"
#include "segments/code_store_for_test.h"
#include "segments/store_folder.h"

// A code store's folder as it is at one moment, and changes of which the same n-th is known everywhere. For tests of
// crashes.
namespace warifu {

using Image = std::map<std::string, Bytes>;  // a folder: names and contents

inline constexpr std::uint32_t kStoreBits = 70;
inline constexpr std::size_t kMaxImageBytes = std::size_t{1} << 24;

inline Image image_of(const std::filesystem::path& folder) {
  Image image;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (auto bytes = read_file(entry.path(), kMaxImageBytes)) image[entry.path().filename()] = std::move(*bytes);
  return image;
}

inline void write_image_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const StoreFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
  ASSERT_EQ(write_fully(file.get(), bytes), 0);
}

inline void lay_out(const Image& image, const std::filesystem::path& folder) {
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
inline Change change_number(std::uint64_t n, std::uint32_t bits, std::uint64_t rows) {
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

}  // namespace warifu
