// The whole road from items to measured answers, over given features and the classical method.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"
#include "engine/code_files.h"
#include "engine/contact_sheet.h"
#include "engine/evaluate_space.h"
#include "engine/export_codes.h"
#include "engine/find_items.h"
#include "engine/index_items.h"
#include "engine/status.h"
#include "engine/temporary_workspace.h"
#include "engine/train.h"
#include "io/npy.h"
#include "segments/code_snapshot.h"

namespace warifu {
namespace {

constexpr std::size_t kPairs = 160;
constexpr std::size_t kShapes = 4;

// Items of four kinds; both modalities' features are the kind's direction with noise.
class Pipeline : public TemporaryWorkspace {
 protected:
  void SetUp() override {
    Rng rng(5);
    std::string csv = "id,image,text,kind\n";
    FloatMatrix images(kPairs, 12);
    FloatMatrix texts(kPairs, 10);
    for (std::size_t i = 0; i < kPairs; ++i) {
      const std::size_t kind = i % kShapes;
      csv +=
          "item" + std::to_string(i) + ",,thing of kind " + std::to_string(kind) + ",k" + std::to_string(kind) + "\n";
      for (FloatMatrix* features : {&images, &texts})
        for (std::size_t d = 0; d < features->cols(); ++d)
          features->row(i)[d] = (d % kShapes == kind ? 3.0F : 0.0F) + static_cast<float>(rng.uniform());
    }
    csv_ = write("pairs.csv", csv);
    ASSERT_TRUE(write_npy(folder_ / "i.npy", images));
    ASSERT_TRUE(write_npy(folder_ / "t.npy", texts));
    options_.source.image_features = folder_ / "i.npy";
    options_.source.text_features = folder_ / "t.npy";
    options_.source.label_columns = {"kind"};
    ASSERT_TRUE(ingest(folder_ / "workspace", csv_, options_, quiet_));
  }

  void train_and_index(Workspace& workspace, std::uint64_t seed = 1) {
    TrainRequest request;
    request.method = "cca-itq";
    request.bits = {4, 8};
    request.seed = seed;
    const auto trained = train(workspace, request, quiet_);
    ASSERT_TRUE(trained) << trained.error().message;
    EXPECT_EQ(trained->image_encoder, "given");
    const auto indexed = index_items(workspace, "cca-itq", quiet_);
    ASSERT_TRUE(indexed) << indexed.error().message;
    EXPECT_EQ(indexed->codes.at("image"), kPairs);
  }

  std::filesystem::path csv_;
  IngestOptions options_;
};

// A code of both for every item, of what it has; and what those are worth where texts are missing.
TEST_F(Pipeline, GivesEveryItemOneCodeWhateverHalvesItHas) {
  // The last 40 of 160 items have no text.
  std::string csv = "id,image,text,kind\n";
  for (std::size_t i = 0; i < kPairs; ++i)
    csv += "item" + std::to_string(i) + ",," + (i < kPairs - 40 ? "thing" : "") + ",k" + std::to_string(i % kShapes) +
           "\n";
  options_.source.text_features.clear();
  ASSERT_TRUE(ingest(folder_ / "partly", write("partly.csv", csv), options_, quiet_));
  auto workspace = Workspace::open(folder_ / "partly");
  ASSERT_TRUE(workspace);
  TrainRequest request;
  request.method = "dmmh";
  request.bits = {8};
  request.settings = {"epochs=8", "batch=16", "hidden=16", "tokens=2", "width=8", "image_dropout=0.1"};
  const auto trained = train(*workspace, request, quiet_);
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_GT(trained->left_out, 0U);  // training itself learns from pairs
  const auto indexed = index_items(*workspace, "dmmh", quiet_);
  ASSERT_TRUE(indexed) << indexed.error().message;
  EXPECT_EQ(indexed->codes.at("image"), kPairs);
  EXPECT_EQ(indexed->codes.at("text"), kPairs - 40);
  EXPECT_EQ(indexed->codes.at("both"), kPairs);
  const auto again = index_items(*workspace, "dmmh", quiet_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->encoded.at("both"), 0U);
  EvaluateRequest evaluation;
  evaluation.database = Modality::kBoth;
  const auto whole = evaluate_space(*workspace, evaluation, quiet_);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_GT(whole->results[0].metrics.map, 0.9);  // by chance .25
  evaluation.missing = Modality::kImage;
  evaluation.missing_share = 1;
  const auto texts_alone = evaluate_space(*workspace, evaluation, quiet_);
  ASSERT_TRUE(texts_alone) << texts_alone.error().message;
  EXPECT_EQ(texts_alone->missing, "image");
  // The texts are all one word: without pictures nothing is known. Items that have neither are left out.
  EXPECT_LT(texts_alone->results[0].metrics.map, 0.4);
}

TEST_F(Pipeline, MeasuresBothDirectionsFarAboveRandom) {
  Workspace workspace = open();
  train_and_index(workspace);
  EvaluateRequest request;
  request.relevance = "any:kind";
  request.run_folder = folder_ / "runs";
  const auto report = evaluate_space(workspace, request, quiet_);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->results.size(), 4U);
  EXPECT_EQ(report->results[0].direction, "i2t");
  EXPECT_EQ(report->results[3].direction, "t2i");
  EXPECT_EQ(report->query_items + report->database_items, kPairs);
  EXPECT_EQ(report->train_in_database, report->database_items);
  EXPECT_EQ(report->query_in_database, 0U);
  for (const DirectionResult& result : report->results) {
    EXPECT_GT(result.metrics.map, 0.9);
    EXPECT_LE(result.metrics.map_low, result.metrics.map);
    EXPECT_GE(result.metrics.map_high, result.metrics.map);
  }
  EXPECT_LT(report->random[0].metrics.map, 0.4);
  EXPECT_EQ(report->files.size(), 6U);  // a run a direction and length, qrels a direction
  std::ifstream run(folder_ / "runs" / "cca-itq-i2t-8.run");
  std::string line;
  std::getline(run, line);
  EXPECT_THAT(line, testing::MatchesRegex("item[0-9]+ Q0 item[0-9]+ 1 [0-9.]+ warifu-cca-itq-8"));
}

TEST_F(Pipeline, FindsMoreLikeAnItemAmongWhatTheFilterAllows) {
  Workspace workspace = open();
  train_and_index(workspace);
  const auto finder = Finder::open(workspace, "", 8);
  ASSERT_TRUE(finder) << finder.error().message;
  FindRequest request;
  request.like = "item6";
  request.k = 5;
  const auto found = finder->find(request);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->items.size(), 5U);
  for (const FoundItem& item : found->items) {
    EXPECT_NE(item.item.id, "item6");
    EXPECT_EQ(item.item.labels[0].value, "k2");
  }
  request.filters = {"kind=k3"};
  const auto filtered = finder->find(request);
  ASSERT_TRUE(filtered);
  EXPECT_EQ(filtered->items.size(), 5U);
  for (const FoundItem& item : filtered->items) EXPECT_EQ(item.item.labels[0].value, "k3");
  request.filters = {"kind"};
  EXPECT_EQ(finder->find(request).error().code, ErrorCode::kInvalidArgument);
  request.filters = {"colour=red"};
  EXPECT_EQ(finder->find(request).error().code, ErrorCode::kNotFound);
  request.filters.clear();
  request.like = "nobody";
  EXPECT_EQ(finder->find(request).error().code, ErrorCode::kNotFound);
}

TEST_F(Pipeline, SaysThatASpaceOfGivenFeaturesCannotEncodeNewWords) {
  Workspace workspace = open();
  train_and_index(workspace);
  FindRequest request;
  request.text = "thing";
  const auto found = Finder::open(workspace, "cca-itq", 0)->find(request);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kIncompatible);
  EXPECT_FALSE(found.error().hint.empty());
}

TEST_F(Pipeline, EncodesOnlyWhatIsNewOrChanged) {
  Workspace workspace = open();
  train_and_index(workspace);
  EXPECT_EQ(index_items(workspace, "cca-itq", quiet_)->encoded.at("image"), 0U);
  const CodeSpace space = read_space_info(workspace.space_folder("cca-itq"))->spaces.back();
  const auto before = load_codes(workspace, space, Modality::kImage);
  FloatMatrix images = *read_npy_matrix(folder_ / "i.npy");
  images.row(3)[0] += 1;
  ASSERT_TRUE(write_npy(folder_ / "i.npy", images));
  ASSERT_EQ(ingest(folder_ / "workspace", csv_, options_, quiet_)->updated, 1U);
  const auto again = index_items(workspace, "cca-itq", quiet_);
  EXPECT_EQ(again->encoded.at("image"), 1U);
  EXPECT_EQ(again->codes.at("image"), kPairs);
  const auto after = load_codes(workspace, space, Modality::kImage);
  EXPECT_EQ((*after)->rows, (*before)->rows);
  std::size_t differing = 0;
  for (std::size_t i = 0; i < (*after)->rows.size(); ++i)
    differing += std::ranges::equal((*after)->codes.row(i), (*before)->codes.row(i)) ? 0 : 1;
  EXPECT_LE(differing, 1U);
}

// As programs before the code stores left them.
TEST_F(Pipeline, ReadsCodesInOneOldFileAndMakesThemAStoreWhenTheyChange) {
  Workspace workspace = open();
  train_and_index(workspace);
  const CodeSpace space = read_space_info(workspace.space_folder("cca-itq"))->spaces.back();
  const auto folder = code_folder(workspace, space.name, Modality::kImage, space.bits);
  const auto before = load_codes(workspace, space, Modality::kImage);
  ASSERT_TRUE(write_code_segment(old_code_file(folder), **before));
  std::filesystem::remove_all(folder);
  EXPECT_EQ((*load_codes(workspace, space, Modality::kImage))->rows, (*before)->rows);
  EXPECT_EQ((*open_index(workspace, space, Modality::kImage))->size(), kPairs);
  EXPECT_EQ(index_items(workspace, "cca-itq", quiet_)->encoded.at("image"), 0U);
  EXPECT_FALSE(std::filesystem::exists(folder));

  CodeSegment one{space, Modality::kImage, {(*before)->rows[3]}, CodeMatrix(1, space.bits)};
  ASSERT_TRUE(save_codes(workspace, one, (*before)->rows));
  EXPECT_FALSE(std::filesystem::exists(old_code_file(folder)));
  const auto after = load_codes(workspace, space, Modality::kImage);
  EXPECT_EQ((*after)->rows, (*before)->rows);
  EXPECT_EQ((*after)->codes.row(3)[0], 0U);
  EXPECT_EQ((*after)->codes.row(4)[0], (*before)->codes.row(4)[0]);
}

TEST_F(Pipeline, SetsDamagedCodesAsideAndEncodesThemAgain) {
  Workspace workspace = open();
  train_and_index(workspace);
  const auto folder = code_folder(workspace, "cca-itq", Modality::kImage, 8);
  const auto manifest = folder / "manifest.wcm";
  const std::vector<std::byte> whole = *read_file(manifest, 1 << 20);
  std::filesystem::remove(manifest);
  // Segments that lost their manifest are no empty store.
  const auto finder = Finder::open(workspace, "cca-itq", 8);
  ASSERT_FALSE(finder);
  EXPECT_EQ(finder.error().code, ErrorCode::kBadFormat);
  EXPECT_EQ(index_items(workspace, "cca-itq", quiet_)->encoded.at("image"), kPairs);
  EXPECT_TRUE(Finder::open(workspace, "cca-itq", 8));
  const std::filesystem::path aside = folder.string() + ".damaged";
  ASSERT_TRUE(write_file_atomically(aside / "manifest.wcm", whole));
  EXPECT_EQ(
      (*load_code_snapshot(aside, read_space_info(workspace.space_folder("cca-itq"))->spaces.back(), Modality::kImage))
          ->count(),
      kPairs);
}

TEST_F(Pipeline, NeverReplacesCodesThatALaterProgramWrote) {
  Workspace workspace = open();
  train_and_index(workspace);
  const CodeSpace space = read_space_info(workspace.space_folder("cca-itq"))->spaces.back();
  const auto folder = code_folder(workspace, space.name, Modality::kImage, space.bits);
  const auto manifest = folder / "manifest.wcm";
  std::vector<std::byte> bytes = *read_file(manifest, 1 << 20);
  bytes[8] = std::byte{99};  // its version
  const std::uint32_t crc = crc32c(std::span(bytes).first(bytes.size() - 4));
  std::memcpy(bytes.data() + bytes.size() - 4, &crc, 4);
  ASSERT_TRUE(write_file_atomically(manifest, bytes));
  const CodeSegment one{space, Modality::kImage, {1}, CodeMatrix(1, space.bits)};
  EXPECT_EQ(save_codes(workspace, one, {}).error().code, ErrorCode::kIncompatible);
  EXPECT_EQ(*read_file(manifest, 1 << 20), bytes);
}

TEST_F(Pipeline, AddsNoCodesToSomeThatCannotBeRead) {
  Workspace workspace = open();
  train_and_index(workspace);
  const CodeSpace space = read_space_info(workspace.space_folder("cca-itq"))->spaces.back();
  const auto manifest = code_folder(workspace, space.name, Modality::kImage, space.bits) / "manifest.wcm";
  const std::vector<std::byte> whole = *read_file(manifest, 1 << 20);
  CodeSegment one{space, Modality::kImage, {1}, CodeMatrix(1, space.bits)};
  one.space.fingerprint = "0123";
  EXPECT_EQ(add_codes(workspace, one).error().code, ErrorCode::kIncompatible) << "of another model";
  EXPECT_EQ(*read_file(manifest, 1 << 20), whole);
  one.space = space;
  std::vector<std::byte> damaged = whole;
  damaged[20] ^= std::byte{1};
  ASSERT_TRUE(write_file_atomically(manifest, damaged));
  EXPECT_EQ(add_codes(workspace, one).error().code, ErrorCode::kBadFormat);
  ASSERT_TRUE(write_file_atomically(manifest, whole));
  EXPECT_EQ((*load_codes(workspace, space, Modality::kImage))->rows.size(), kPairs) << "nothing was moved away";
}

TEST_F(Pipeline, GivesTheSameCodesForTheSameSeed) {
  Workspace workspace = open();
  train_and_index(workspace, 3);
  const auto first = export_codes(workspace, "cca-itq", 8, Modality::kText, folder_ / "one");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->count, kPairs);
  train_and_index(workspace, 3);
  const auto second = export_codes(workspace, "cca-itq", 8, Modality::kText, folder_ / "two");
  EXPECT_EQ(read_file(first->codes, 1 << 20).value(), read_file(second->codes, 1 << 20).value());
}

TEST_F(Pipeline, RefusesCodesThatAnotherModelMade) {
  Workspace workspace = open();
  train_and_index(workspace, 1);
  const auto codes = code_folder(workspace, "cca-itq", Modality::kImage, 8);
  std::filesystem::copy(codes, folder_ / "old", std::filesystem::copy_options::recursive);
  options_.source.label_columns = {};
  TrainRequest request;
  request.method = "cca-itq";
  request.bits = {4, 8};
  request.seed = 2;
  ASSERT_TRUE(train(workspace, request, quiet_));
  std::filesystem::create_directories(codes.parent_path());
  std::filesystem::copy(folder_ / "old", codes, std::filesystem::copy_options::recursive);
  const auto finder = Finder::open(workspace, "cca-itq", 8);
  ASSERT_FALSE(finder);
  EXPECT_EQ(finder.error().code, ErrorCode::kIncompatible);
  EXPECT_EQ(exit_status(finder.error().code), 78);
}

TEST_F(Pipeline, NamesWhatThereIsWhenAskedForWhatThereIsNot) {
  Workspace workspace = open();
  TrainRequest request;
  request.method = "telepathy";
  EXPECT_THAT(train(workspace, request, quiet_).error().hint, testing::HasSubstr("cca-itq"));
  request.method = "cca-itq";
  request.bits = {4};
  request.label_columns = {"colour"};
  EXPECT_THAT(train(workspace, request, quiet_).error().hint, testing::HasSubstr("kind"));
  request.label_columns.clear();
  request.space = "../elsewhere";
  EXPECT_EQ(train(workspace, request, quiet_).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(index_items(workspace, "none", quiet_).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(evaluate_space(workspace, {}, quiet_).error().code, ErrorCode::kNotFound);
  const auto status = status_of(workspace);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->counts.items, kPairs);
  EXPECT_TRUE(status->spaces.empty());
}

TEST_F(Pipeline, DrawsAContactSheetAsPageAndAsPicture) {
  write_picture("q.png", 200, 30, 30);
  FoundItem found;
  found.rank = 1;
  found.modality = Modality::kText;
  found.distance = 3;
  found.picture = folder_ / "q.png";
  found.item.id = "1";
  found.item.text = "a <b>red</b> square";
  const std::vector<SheetRow> rows{{"red & round", folder_ / "q.png", {found}}};
  ASSERT_TRUE(write_contact_sheet(folder_ / "sheet.html", "Sheet", rows));
  const auto html = read_text_file(folder_ / "sheet.html", 1 << 20);
  EXPECT_THAT(*html, testing::HasSubstr("red &amp; round"));
  EXPECT_THAT(*html, testing::HasSubstr("a &lt;b&gt;red"));
  EXPECT_THAT(*html, testing::HasSubstr("data:image/jpeg;base64,/9j/"));
  ASSERT_TRUE(write_contact_sheet(folder_ / "sheet.png", "Sheet", rows));
  const auto picture = decode_image(folder_ / "sheet.png", ImageLimits{});
  ASSERT_TRUE(picture);
  EXPECT_GT(picture->width, 250);
  EXPECT_EQ(write_contact_sheet(folder_ / "sheet.pdf", "Sheet", rows).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace warifu
