#include "engine/anonymise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "engine/temporary_workspace.h"
#include "io/npy.h"
#include "io/picture_metadata_for_test.h"
#include "security/drawn_scene_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;
using testing::UnorderedElementsAre;

Image portrait() {
  DrawnScene scene(400, 400, 225);
  scene.face(200, 200, 160);
  return scene.image();
}

class NotingProgress final : public ProgressSink {
 public:
  void advance(std::string_view, std::size_t, std::size_t) override {}
  void note(std::string_view sentence) override { notes += std::string(sentence) + "\n"; }
  std::string notes;
};

class Anonymising : public TemporaryWorkspace {
 protected:
  IngestReport read(const std::filesystem::path& path, const IngestOptions& options) {
    auto report = ingest(folder_ / "workspace", path, options, progress_);
    EXPECT_TRUE(report) << report.error().message;
    return report ? std::move(*report) : IngestReport{};
  }

  static IngestOptions anonymise(std::optional<bool> keep_original_path = std::nullopt) {
    IngestOptions options;
    options.anonymise.emplace().keep_original_path = keep_original_path;
    return options;
  }

  Item item(std::string_view id) const {
    const auto found = open().catalog().find(id);
    EXPECT_TRUE(found && *found) << id;
    return found && *found ? **found : Item{};
  }

  // The files of the workspace that hold any of `secrets`, the catalog's log among them.
  std::vector<std::string> files_with(const std::vector<std::string>& secrets) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "workspace")) {
      if (!entry.is_regular_file()) continue;
      const auto bytes = read_text_file(entry.path(), std::size_t{1} << 30);
      EXPECT_TRUE(bytes);
      for (const std::string& secret : secrets)
        if (entry.path().string().contains(secret) || bytes->contains(secret))
          found.push_back(entry.path().filename().string() + ": " + secret);
    }
    return found;
  }

  std::string stored_bytes(const Item& of) const {
    return read_text_file(open().picture_path(of), std::size_t{1} << 30).value();
  }

  // A table with a portrait that a camera wrote, and words that tell of somebody.
  std::filesystem::path personal_source() const {
    write("tanaka-at-home.jpg", jpeg_with_metadata(encode_jpeg(portrait(), 90).value(), "Tanaka Taro"));
    return write("pairs.csv",
                 "id,image,text,contact\n"
                 "1,tanaka-at-home.jpg,\"担当 tanaka@example.co.jp, ０３－１２３４－５６７８\",社員番号：１２３４５６\n"
                 "2,,plain words,Mr X\n");
  }

  IngestOptions with_labels(IngestOptions options) const {
    options.source.label_columns = {"contact"};
    return options;
  }

  NotingProgress progress_;
};

TEST_F(Anonymising, MasksTextLabelsAndPicturesAndCountsThem) {
  const IngestReport report = read(personal_source(), with_labels(anonymise()));
  EXPECT_EQ(report.added, 2U);
  ASSERT_TRUE(report.anonymised);
  EXPECT_THAT(report.anonymised->masked,
              UnorderedElementsAre(Pair("e-mail", 1), Pair("phone", 1), Pair("employee number", 1)));
  EXPECT_EQ(report.anonymised->pictures, 1U);
  EXPECT_EQ(report.anonymised->faces, 1U);
  const Item one = item("1");
  EXPECT_EQ(one.text, "担当 [e-mail], [phone]");
  EXPECT_THAT(one.labels, ElementsAre(Label{"contact", "[employee number]"}));
  EXPECT_EQ(item("2").labels.at(0).value, "Mr X");
  EXPECT_THAT(one.image_uri, StartsWith("workspace:pictures/"));
}

TEST_F(Anonymising, KeepsNothingOfThePictureFileBesideItsPixels) {
  read(personal_source(), with_labels(anonymise(false)));
  const Item one = item("1");
  const std::string bytes = stored_bytes(one);
  for (const char* mark : {"Exif", "xmpmeta", "Photoshop", "8BIM", "Tanaka", "taken by", "ICC_PROFILE"})
    EXPECT_THAT(bytes, Not(HasSubstr(mark)));
  EXPECT_EQ(one.image_hash, content_hash(bytes));
  EXPECT_TRUE(std::filesystem::path(one.image_uri).filename().string() == one.image_hash + ".jpg");
  const auto kept = decode_image(open().picture_path(one), {});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->width, 400);
}

TEST_F(Anonymising, TurnsAPictureUprightBeforeItForgetsHowTheCameraWasHeld) {
  Image wide{40, 20, std::vector<std::uint8_t>(40 * 20 * 3, 90)};
  write("a.jpg", jpeg_with_metadata(encode_jpeg(wide, 90).value(), "Tanaka", 6));
  read(write("pairs.csv", "id,image\n1,a.jpg\n"), anonymise());
  const auto kept = decode_image(open().picture_path(item("1")), {});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->width, 20);
  EXPECT_EQ(kept->height, 40);
}

TEST_F(Anonymising, KeepsAPngAsPngWithoutLossAndWithoutItsTextChunks) {
  Image image{30, 20, {}};
  for (int i = 0; i < 30 * 20 * 3; ++i) image.rgb.push_back(static_cast<std::uint8_t>(i * 7));
  write("a.png", png_with_metadata(encode_png(image).value(), "Tanaka Taro"));
  read(write("pairs.csv", "id,image\n1,a.png\n"), anonymise());
  const Item one = item("1");
  EXPECT_THAT(one.image_uri, testing::EndsWith(".png"));
  EXPECT_THAT(stored_bytes(one), Not(HasSubstr("Tanaka")));
  EXPECT_EQ(decode_image(open().picture_path(one), {})->rgb, image.rgb);
}

TEST_F(Anonymising, NeverLetsAnOriginalIntoAFileOfTheWorkspace) {
  const auto source = personal_source();
  write_picture("damaged/gone.png", 1, 2, 3);
  write("sato-broken.jpg", "not a picture");
  write("pairs.csv", read_text_file(source, 10'000).value() + "3,sato-broken.jpg,suzuki@example.com,090-1111-2222\n");
  const IngestReport report = read(source, with_labels(anonymise(false)));
  ASSERT_EQ(report.rejected.size(), 1U);
  EXPECT_THAT(report.rejected[0].reason, HasSubstr("sato-broken.jpg"));
  const Workspace held_open = open();  // the log of the catalog is still there
  EXPECT_THAT(files_with({"tanaka", "Tanaka", "1234-5678", "１２３４", "123456", "sato", "suzuki", "090-1111",
                          folder_.filename().string() + "/pairs"}),
              ElementsAre());
}

TEST_F(Anonymising, KeepsRejectionsMaskedWhereOriginalPathsAreKept) {
  write("a.csv", "id,image,text\n1,suzuki@example.com.png,words\n");
  read(folder_ / "a.csv", anonymise(true));
  const auto kept = open().catalog().rejections();
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_THAT((*kept)[0].reason, HasSubstr("[e-mail]"));
}

TEST_F(Anonymising, ChangesNothingTheSecondTime) {
  const auto source = personal_source();
  read(source, with_labels(anonymise()));
  const auto revision = open().catalog().last_revision();
  EXPECT_EQ(read(source, with_labels(anonymise())).unchanged, 2U);
  EXPECT_EQ(open().catalog().last_revision().value(), revision.value());
}

TEST_F(Anonymising, IsRememberedWithItsRulesByLaterRuns) {
  IngestOptions options = anonymise(false);
  options.anonymise->rules = write("rules.toml", "[[rule]]\nname = \"customer\"\npattern = 'C-\\d{4}'\n");
  read(write("a.csv", "id,text\n1,from C-1234\n"), options);
  std::filesystem::remove(folder_ / "rules.toml");
  const IngestReport later = read(write("b.csv", "id,text\n2,\"from C-9876, a@b.jp\"\n"), {});
  ASSERT_TRUE(later.anonymised);
  EXPECT_EQ(item("2").text, "from [customer], [e-mail]");
  const auto anonymiser = Anonymiser::remembered(open());
  ASSERT_TRUE(anonymiser && *anonymiser);
  EXPECT_FALSE((*anonymiser)->keeps_original_path());
}

TEST_F(Anonymising, SaysWhenTheRulesChanged) {
  const auto csv = write("a.csv", "id,text\n1,call 03-1234-5678 about C-1234\n");
  read(csv, anonymise());
  EXPECT_THAT(progress_.notes, Not(HasSubstr("rules are not those")));
  IngestOptions options = anonymise();
  options.anonymise->rules = write("rules.toml", "[[rule]]\nname = \"customer\"\npattern = 'C-\\d{4}'\n");
  EXPECT_EQ(read(csv, options).updated, 1U);
  EXPECT_THAT(progress_.notes, HasSubstr("rules are not those"));
  EXPECT_EQ(item("1").text, "call [phone] about [customer]");
}

TEST_F(Anonymising, StopsOnlyWhenAskedAndForThatRunAlone) {
  read(write("a.csv", "id,text\n1,a@b.jp\n"), anonymise());
  IngestOptions as_is;
  as_is.without_anonymising = true;
  EXPECT_FALSE(read(write("b.csv", "id,text\n2,c@d.jp\n"), as_is).anonymised);
  EXPECT_EQ(item("2").text, "c@d.jp");
  EXPECT_THAT(progress_.notes, HasSubstr("as you asked"));
  EXPECT_TRUE(read(write("c.csv", "id,text\n3,e@f.jp\n"), {}).anonymised);
  as_is.anonymise.emplace();
  EXPECT_EQ(ingest(folder_ / "workspace", folder_ / "a.csv", as_is, quiet_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Anonymising, IsRefusedForAWorkspaceThatHoldsItemsAsTheyWere) {
  const auto csv = write("a.csv", "id,text\n1,a@b.jp\n");
  read(csv, {});
  const auto refused = ingest(folder_ / "workspace", csv, anonymise(), quiet_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().hint, HasSubstr("new workspace"));
  EXPECT_FALSE(Anonymiser::remembered(open())->has_value());
}

TEST_F(Anonymising, LeavesNothingBehindWhenTheRulesAreRefused) {
  const auto csv = write("a.csv", "id,text\n1,a@b.jp\n");
  IngestOptions options = anonymise();
  options.anonymise->rules = write("rules.toml", "[[rule]]\nname = \"bad\"\npattern = '('\n");
  const auto refused = ingest(folder_ / "new", csv, options, quiet_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("rules.toml:3"));
  options.anonymise->rules = folder_ / "nowhere.toml";
  EXPECT_EQ(ingest(folder_ / "new", csv, options, quiet_).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
}

TEST_F(Anonymising, CountsIdsThatTellAndLeavesThem) {
  const IngestReport report = read(write("a.csv", "id,text\na@b.jp,x\n2,y\n"), anonymise());
  EXPECT_EQ(report.anonymised->telling_ids, 1U);
  EXPECT_EQ(item("a@b.jp").text, "x");
  EXPECT_THAT(progress_.notes, HasSubstr("--id-column"));
}

TEST_F(Anonymising, GoesTogetherWithGivenFeaturesAndMissingPictures) {
  ASSERT_TRUE(write_npy(folder_ / "f.npy", FloatMatrix(1, 3, {1, 2, 3})));
  IngestOptions options = anonymise(false);
  options.source.image_features = folder_ / "f.npy";
  const IngestReport report = read(write("a.csv", "id,image,text\n1,tanaka.png,a@b.jp\n"), options);
  EXPECT_EQ(report.pictures_not_found, 1U);
  EXPECT_EQ(item("1").image_uri, "");
  EXPECT_EQ(item("1").text, "[e-mail]");
}

TEST_F(Anonymising, WorksOnOneItemForTheService) {
  const auto anonymiser = Anonymiser::make(nullptr, {});
  ASSERT_TRUE(anonymiser) << anonymiser.error().message;
  AnonymiseCounts counts;
  Item one;
  one.id = "x";
  one.text = "a@b.jp";
  one.attributes = {{"note", "ＦＡＸ　０３－１２３４－５６７８"}, {"size", "Ａ３"}};
  ASSERT_TRUE(anonymiser->words(one, counts));
  EXPECT_THAT(one.attributes, ElementsAre(Label{"note", "FAX [phone]"}, Label{"size", "Ａ３"}));
  const auto picture = anonymiser->picture(portrait(), {}, counts);
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->extension, ".jpg");
  EXPECT_EQ(counts.faces, 1U);
}

}  // namespace
}  // namespace warifu
