#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/image.h"
#include "codes/code_space.h"
#include "encode/encoder.h"
#include "index/index.h"

namespace warifu {

// What of the items a query is matched against: one half, the nearer of the two, or the one code of both.
enum class Find { kImage, kText, kAny, kBoth };

// "image", "text", "any", "both"; kInvalidArgument otherwise.
Result<Find> parse_find(std::string_view name);
std::string_view find_name(Find find);

// What is looked for: words, a picture, both together, or what is stored of an item.
struct Query {
  std::optional<std::string> text;
  std::optional<Image> picture;
  std::optional<std::int64_t> like_row;  // excludes the other two
};

struct SearchRequest {
  Query query;
  Find find = Find::kAny;
  std::size_t k = 10;
  RowFilter filter;
};

struct SearchHit {
  std::int64_t row = 0;
  Modality modality = Modality::kImage;  // which half of the item matched, or both
  std::uint32_t distance = 0;            // Hamming
  double score = 0;                      // 1 - distance / bits, in [0, 1]
};

// kIncompatible where codes of the space are for measuring only (Encoder::caveat).
Result<void> check_for_search(const Encoder& encoder, std::string_view space);

// Answers queries over one code space at one code length. With Find::kAny an item is listed once, by
// its nearer half (the image half on a tie).
//
// Order: ascending (distance, row). Thread safety: search() as Encoder::encode, one caller at a time.
class Searcher {
 public:
  // `encoder` may be null when only like-queries are asked; indexes may be null where nothing of
  // that modality is stored. All must be of `space`.
  Searcher(CodeSpace space, std::shared_ptr<const Encoder> encoder, std::shared_ptr<const Index> images,
           std::shared_ptr<const Index> texts, std::shared_ptr<const Index> boths = nullptr);

  // kInvalidArgument: an empty query or k == 0; kNotFound: the like-row has no code, or nothing of
  // the wanted half is indexed; kIncompatible: the encoder cannot take raw pictures or texts.
  Result<std::vector<SearchHit>> search(const SearchRequest& request) const;

  // The same of a query that is encoded already: one code of space(). `except`: this row is no hit. Many callers at
  // once.
  Result<std::vector<SearchHit>> nearest(const CodeMatrix& code, Find find, std::size_t k, const RowFilter& filter,
                                         std::optional<std::int64_t> except = std::nullopt) const;

  // The code that is stored of an item, as a like-query takes it. kNotFound where there is none.
  Result<CodeMatrix> stored_code(std::int64_t row, Find find) const;

  // The code that is stored of one half of an item, or of both together; nothing where there is none.
  std::optional<CodeMatrix> code_of(std::int64_t row, Modality modality) const;

  // The hit that an item is for a code, by the nearer of its halves that `find` takes; nothing where it has no code.
  std::optional<SearchHit> hit_of(const CodeMatrix& code, std::int64_t row, Find find) const;

  bool holds(Modality modality) const { return index_of(modality) != nullptr; }

  // How many codes there are of each modality that has some.
  std::map<std::string, std::size_t> sizes() const;

  const CodeSpace& space() const { return space_; }

 private:
  const std::shared_ptr<const Index>& index_of(Modality modality) const {
    return modality == Modality::kImage ? images_ : modality == Modality::kText ? texts_ : boths_;
  }
  Result<CodeMatrix> encode_query(const Query& query, Find find) const;

  CodeSpace space_;
  std::shared_ptr<const Encoder> encoder_;
  std::shared_ptr<const Index> images_;
  std::shared_ptr<const Index> texts_;
  std::shared_ptr<const Index> boths_;
};

}  // namespace warifu
