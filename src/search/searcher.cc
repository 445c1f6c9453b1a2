#include "search/searcher.h"

#include <algorithm>
#include <unordered_set>

#include "codes/hamming.h"

namespace warifu {
namespace {

// One hit an item, by its nearer half. Both lists ascend in (distance, row), so the first sight of an
// item in the merged order is its nearer half; images go first on equal (distance, row).
std::vector<SearchHit> merge_halves(const std::vector<SearchHit>& images, const std::vector<SearchHit>& texts,
                                    std::size_t k) {
  std::vector<SearchHit> all;
  all.reserve(images.size() + texts.size());
  std::merge(images.begin(), images.end(), texts.begin(), texts.end(), std::back_inserter(all),
             [](const SearchHit& a, const SearchHit& b) {
               return std::pair(a.distance, a.row) < std::pair(b.distance, b.row);
             });
  std::unordered_set<std::int64_t> seen;
  std::vector<SearchHit> merged;
  for (const SearchHit& hit : all) {
    if (merged.size() == k) break;
    if (seen.insert(hit.row).second) merged.push_back(hit);
  }
  return merged;
}

}  // namespace

Result<Find> parse_find(std::string_view name) {
  if (name == "image") return Find::kImage;
  if (name == "text") return Find::kText;
  if (name == "any") return Find::kAny;
  if (name == "both") return Find::kBoth;
  return fail(ErrorCode::kInvalidArgument, "cannot find '" + std::string(name) + "'", "use image, text, any or both");
}

std::string_view find_name(Find find) {
  switch (find) {
    case Find::kImage:
      return "image";
    case Find::kText:
      return "text";
    case Find::kAny:
      return "any";
    case Find::kBoth:
      return "both";
  }
  return "any";
}

Searcher::Searcher(CodeSpace space, std::shared_ptr<const Encoder> encoder, std::shared_ptr<const Index> images,
                   std::shared_ptr<const Index> texts, std::shared_ptr<const Index> boths)
    : space_(std::move(space)),
      encoder_(std::move(encoder)),
      images_(std::move(images)),
      texts_(std::move(texts)),
      boths_(std::move(boths)) {}

Result<CodeMatrix> Searcher::stored_code(std::int64_t row, Find find) const {
  for (const auto& index : {find == Find::kBoth ? boths_ : nullptr, images_, texts_}) {
    if (!index) continue;
    if (auto code = index->code_of(row)) return std::move(*code);
  }
  return fail(ErrorCode::kNotFound, "the item has no code in space '" + space_.name + "'",
              "run 'warifu index --space " + space_.name + "'");
}

Result<void> check_for_search(const Encoder& encoder, std::string_view space) {
  if (encoder.caveat().empty()) return {};
  return fail(ErrorCode::kIncompatible,
              "space '" + std::string(space) + "' is for measuring only: its codes are made with " +
                  std::string(encoder.caveat()),
              "search a space that was trained without --set mode=...");
}

std::optional<CodeMatrix> Searcher::code_of(std::int64_t row, Modality modality) const {
  const auto& index = index_of(modality);
  return index ? index->code_of(row) : std::nullopt;
}

Result<CodeMatrix> Searcher::encode_query(const Query& query, Find find) const {
  if (encoder_)
    if (auto checked = check_for_search(*encoder_, space_.name); !checked) return std::unexpected(checked.error());
  if (query.like_row) return stored_code(*query.like_row, find);
  if (!query.text && !query.picture) {
    return fail(ErrorCode::kInvalidArgument, "nothing to search for", "give --text, --image, both, or --like ID");
  }
  if (!encoder_) return fail(ErrorCode::kIncompatible, "space '" + space_.name + "' has no encoder loaded");
  EncoderInput input;
  if (query.picture) input.picture = &*query.picture;
  if (query.text) input.text = *query.text;
  const Modality modality = query.picture && query.text ? Modality::kBoth
                            : query.picture             ? Modality::kImage
                                                        : Modality::kText;
  auto codes = encoder_->encode({&input, 1}, modality);
  if (!codes) return std::unexpected(codes.error());
  const auto spaces = encoder_->spaces();
  for (std::size_t i = 0; i < spaces.size(); ++i)
    if (spaces[i] == space_) return std::move((*codes)[i]);
  return fail(ErrorCode::kIncompatible,
              "the model in space '" + space_.name + "' is not the one its codes were made with",
              "run 'warifu index --space " + space_.name + "'");
}

std::optional<SearchHit> Searcher::hit_of(const CodeMatrix& code, std::int64_t row, Find find) const {
  std::optional<SearchHit> nearest;
  const auto look = [&](const std::shared_ptr<const Index>& index) {
    if (!index) return;
    const auto stored = index->code_of(row);
    if (!stored) return;
    const std::uint32_t distance = hamming_distance(code.row(0), stored->row(0));
    if (nearest && nearest->distance <= distance) return;
    nearest = {row, index->modality(), distance,
               1.0 - static_cast<double>(distance) / static_cast<double>(space_.bits)};
  };
  if (find == Find::kBoth && boths_) {
    look(boths_);
    return nearest;
  }
  if (find == Find::kImage || find == Find::kAny) look(images_);
  if (find == Find::kText || find == Find::kAny) look(texts_);
  return nearest;
}

std::map<std::string, std::size_t> Searcher::sizes() const {
  std::map<std::string, std::size_t> sizes;
  for (const auto& index : {images_, texts_, boths_})
    if (index && index->size() > 0) sizes[modality_name(index->modality())] = index->size();
  return sizes;
}

Result<std::vector<SearchHit>> Searcher::search(const SearchRequest& request) const {
  if (request.k == 0) return fail(ErrorCode::kInvalidArgument, "k is 0", "ask for at least one hit");
  const auto code = encode_query(request.query, request.find);
  if (!code) return std::unexpected(code.error());
  return nearest(*code, request.find, request.k, request.filter, request.query.like_row);
}

Result<std::vector<SearchHit>> Searcher::nearest(const CodeMatrix& code, Find find, std::size_t k,
                                                 const RowFilter& filter, std::optional<std::int64_t> except) const {
  const auto scan = [&](const std::shared_ptr<const Index>& index) -> Result<std::vector<SearchHit>> {
    std::vector<SearchHit> hits;
    if (!index) return hits;
    // One more, since the item itself is dropped from a like-query.
    auto found = index->search(space_, code.row(0), k + (except ? 1 : 0), filter);
    if (!found) return std::unexpected(found.error());
    for (const Hit& hit : *found) {
      if (except == hit.row) continue;
      if (hits.size() == k) break;
      hits.push_back({hit.row, index->modality(), hit.distance,
                      1.0 - static_cast<double>(hit.distance) / static_cast<double>(space_.bits)});
    }
    return hits;
  };

  if (find == Find::kBoth && boths_) return scan(boths_);
  const bool want_images = find == Find::kImage || find == Find::kAny;
  const bool want_texts = find == Find::kText || find == Find::kAny;
  if (!(want_images && images_) && !(want_texts && texts_)) {
    return fail(ErrorCode::kNotFound, "space '" + space_.name + "' holds no codes of that half",
                "run 'warifu index --space " + space_.name + "', or use --find any");
  }
  std::vector<SearchHit> images;
  std::vector<SearchHit> texts;
  if (want_images) {
    auto found = scan(images_);
    if (!found) return found;
    images = std::move(*found);
  }
  if (want_texts) {
    auto found = scan(texts_);
    if (!found) return found;
    texts = std::move(*found);
  }
  return merge_halves(images, texts, k);
}

}  // namespace warifu
