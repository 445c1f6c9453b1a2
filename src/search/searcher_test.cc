#include "search/searcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/flat_index.h"

namespace warifu {
namespace {

using testing::ElementsAre;

const CodeSpace kSpace{"s", "m", "f", 8, 1};

std::shared_ptr<const Index> index_of(Modality modality, std::vector<std::pair<std::int64_t, std::uint64_t>> codes) {
  CodeSegment segment{kSpace, modality, {}, CodeMatrix(codes.size(), 8)};
  for (std::size_t i = 0; i < codes.size(); ++i) {
    segment.rows.push_back(codes[i].first);
    segment.codes.row(i)[0] = codes[i].second;
  }
  return make_flat_index(std::move(segment));
}

// Encodes a text as its first byte, a picture as its first pixel and both as the two or-ed.
class ByteEncoder final : public Encoder {
 public:
  std::span<const CodeSpace> spaces() const override { return {&space, 1}; }
  bool encodes_raw(Modality) const override { return true; }
  PictureFormat picture_format() const override { return {}; }
  Result<std::vector<CodeMatrix>> encode(std::span<const EncoderInput> inputs, Modality modality) const override {
    CodeMatrix codes(inputs.size(), 8);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (modality != Modality::kImage) codes.row(i)[0] |= static_cast<std::uint8_t>((*inputs[i].text)[0]);
      if (modality != Modality::kText) codes.row(i)[0] |= inputs[i].picture->rgb[0];
    }
    return std::vector{codes};
  }
  CodeSpace space = kSpace;
};

std::vector<std::int64_t> rows(const Result<std::vector<SearchHit>>& hits) {
  std::vector<std::int64_t> found;
  if (hits)
    for (const auto& hit : *hits) found.push_back(hit.row);
  return found;
}

SearchRequest text_request(std::string text, Find find = Find::kAny) {
  SearchRequest request;
  request.query.text = std::move(text);
  request.find = find;
  return request;
}

const auto kImages = index_of(Modality::kImage, {{1, 0b00000001}, {2, 0b11111111}, {3, 0b00000111}});
const auto kTexts = index_of(Modality::kText, {{1, 0b00000011}, {2, 0b00000001}, {4, 0b00001111}});

TEST(Searcher, FindsByTheOneCodeOfBothHalves) {
  const auto boths = index_of(Modality::kBoth, {{1, 0b00000011}, {2, 0b11111111}, {5, 0b00000001}});
  const Searcher searcher(kSpace, std::make_shared<ByteEncoder>(), kImages, kTexts, boths);
  const auto hits = searcher.search(text_request("\x01", Find::kBoth));
  EXPECT_THAT(rows(hits), ElementsAre(5, 1, 2));
  EXPECT_EQ(hits->front().modality, Modality::kBoth);
  SearchRequest like;
  like.query.like_row = 2;
  like.find = Find::kBoth;
  EXPECT_THAT(rows(searcher.search(like)), ElementsAre(1, 5));  // by 0b11111111, what both halves of 2 say
  const Searcher without(kSpace, std::make_shared<ByteEncoder>(), kImages, kTexts);
  EXPECT_FALSE(without.search(text_request("\x01", Find::kBoth)));
}

TEST(Searcher, ListsAnItemOnceByItsNearerHalf) {
  const Searcher searcher(kSpace, std::make_shared<ByteEncoder>(), kImages, kTexts);
  const auto hits = searcher.search(text_request("\x01"));
  ASSERT_TRUE(hits);
  EXPECT_THAT(rows(hits), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ((*hits)[0].modality, Modality::kImage);
  EXPECT_EQ((*hits)[1].modality, Modality::kText);  // its picture is 7 bits away, its text 0
  EXPECT_EQ((*hits)[1].distance, 0U);
  EXPECT_DOUBLE_EQ((*hits)[2].score, 1.0 - 2.0 / 8.0);
}

TEST(Searcher, LooksOnlyAtTheHalfThatIsAskedFor) {
  const Searcher searcher(kSpace, std::make_shared<ByteEncoder>(), kImages, kTexts);
  EXPECT_THAT(rows(searcher.search(text_request("\x01", Find::kImage))), ElementsAre(1, 3, 2));
  EXPECT_THAT(rows(searcher.search(text_request("\x01", Find::kText))), ElementsAre(2, 1, 4));
}

TEST(Searcher, JoinsPictureAndWordsIntoOneQuery) {
  const Searcher searcher(kSpace, std::make_shared<ByteEncoder>(), kImages, kTexts);
  SearchRequest request = text_request("\x03");
  request.query.picture = Image{1, 1, {0x0C, 0, 0}};
  const auto hits = searcher.search(request);
  ASSERT_TRUE(hits);
  EXPECT_EQ((*hits)[0].row, 4);  // 0b1111 exactly
}

TEST(Searcher, FindsWhatIsLikeAnItemWithoutTheItemItself) {
  const Searcher searcher(kSpace, nullptr, kImages, kTexts);
  SearchRequest request;
  request.query.like_row = 1;
  request.k = 2;
  EXPECT_THAT(rows(searcher.search(request)), ElementsAre(2, 3));
  request.query.like_row = 9;
  EXPECT_EQ(searcher.search(request).error().code, ErrorCode::kNotFound);
}

TEST(Searcher, ShowsNothingThatTheFilterHides) {
  const Searcher searcher(kSpace, std::make_shared<ByteEncoder>(), kImages, kTexts);
  SearchRequest request = text_request("\x01");
  request.filter = RowFilter({3, 4});
  EXPECT_THAT(rows(searcher.search(request)), ElementsAre(3, 4));
}

TEST(Searcher, RefusesCodesOfAnotherModel) {
  auto encoder = std::make_shared<ByteEncoder>();
  encoder->space.fingerprint = "another";
  const Searcher searcher(kSpace, encoder, kImages, kTexts);
  EXPECT_EQ(searcher.search(text_request("\x01")).error().code, ErrorCode::kIncompatible);
}

TEST(Searcher, RefusesAnEmptyQueryZeroHitsAndAMissingHalf) {
  const Searcher searcher(kSpace, std::make_shared<ByteEncoder>(), kImages, nullptr);
  EXPECT_EQ(searcher.search({}).error().code, ErrorCode::kInvalidArgument);
  SearchRequest none = text_request("\x01");
  none.k = 0;
  EXPECT_EQ(searcher.search(none).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(searcher.search(text_request("\x01", Find::kText)).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace warifu
