// Training, updating and what they promise.
#include "methods/dlch/dlch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "methods/dlch/objective.h"
#include "methods/synthetic_pairs_for_test.h"
#include "nn/label_similarity.h"
#include "nn/losses.h"

namespace warifu {
namespace {

using testing::HasSubstr;

constexpr std::size_t kKinds = 7;

// The items of some kinds of one set, labels named as the engine names them.
TrainingSet items_of(const TrainingSet& all, const std::vector<std::uint32_t>& kinds) {
  TrainingSet part;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < all.labels.size(); ++i)
    if (std::ranges::find(kinds, all.labels[i][0]) != kinds.end()) chosen.push_back(i);
  part.image.tower = part.text.tower = {"given", {}, {}};
  part.image.features = FloatMatrix(chosen.size(), all.image.features.cols());
  part.text.features = FloatMatrix(chosen.size(), all.text.features.cols());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    std::ranges::copy(all.image.features.row(chosen[i]), part.image.features.row(i).begin());
    std::ranges::copy(all.text.features.row(chosen[i]), part.text.features.row(i).begin());
    const auto kind = std::ranges::find(kinds, all.labels[chosen[i]][0]) - kinds.begin();
    part.labels.push_back({static_cast<std::uint32_t>(kind)});
    part.train.push_back(i);
  }
  for (const std::uint32_t kind : kinds) part.label_names.push_back("kind=" + std::to_string(kind));
  part.label_values = kinds.size();
  return part;
}

class DlchTest : public testing::Test {
 protected:
  DlchTest() : all_(synthetic_pairs(210, kKinds, 3)) {}

  std::filesystem::path first_generation() {
    const auto directory = fresh_folder();
    const TrainOptions options{.bits = {16, 32},
                               .seed = 3,
                               .epochs = 40,
                               .space = "s",
                               .settings = {"batch=32", "hidden=64", "learning_rate=0.005"}};
    const auto report = train_method("dlch", items_of(all_, {0, 1, 2, 3, 4}), options, directory, quiet_);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    return directory;
  }

  std::filesystem::path updated(const std::filesystem::path& directory, const std::vector<std::uint32_t>& kinds) {
    const auto next = fresh_folder();
    const auto report = update_space(directory, items_of(all_, kinds), {.seed = 1}, next, quiet_);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    return next;
  }

  TrainingSet all_;
  SilentProgress quiet_;
};

TEST_F(DlchTest, LearnsNewKindsAndKeepsTheCodesOfOldOnes) {
  const auto first = first_generation();
  const auto second = updated(first, {5});
  const auto third = updated(second, {6});
  const auto before = load_encoder(first).value();
  const auto after = load_encoder(third).value();
  EXPECT_EQ(after->spaces()[0].generation, 3U);
  EXPECT_EQ(after->spaces()[0].fingerprint, before->spaces()[0].fingerprint);
  EXPECT_EQ(space_labels(third).value().size(), 7U);
  EXPECT_EQ(space_labels(third).value().back(), "kind=6");

  const TrainingSet old = items_of(all_, {0, 1, 2, 3, 4});
  const auto old_inputs = feature_inputs(old);
  for (const Modality modality : {Modality::kImage, Modality::kText}) {
    const CodeMatrix was = before->encode(old_inputs, modality).value().back();
    const CodeMatrix is = after->encode(old_inputs, modality).value().back();
    std::size_t same = 0;
    for (std::size_t i = 0; i < was.count(); ++i) same += std::ranges::equal(was.row(i), is.row(i));
    EXPECT_GT(static_cast<double>(same), 0.95 * static_cast<double>(was.count()));
  }
  EXPECT_GT(matching_share(*after, all_, kKinds), 0.95);
  EXPECT_LT(matching_share(*before, all_, kKinds), matching_share(*after, all_, kKinds));
}

TEST_F(DlchTest, GivesTheSameGenerationForTheSameSeed) {
  const auto first = first_generation();
  const auto one = updated(first, {5, 6});
  const auto two = updated(first, {5, 6});
  for (const char* file : {"model.g2.safetensors", "sums.g2.safetensors", "model.json"})
    EXPECT_EQ(read_file(one / file, 1 << 24).value(), read_file(two / file, 1 << 24).value()) << file;
}

// What an update costs: the sums are as large after 5 times as many old items, and nothing else is read of them.
TEST_F(DlchTest, KeepsSumsWhoseSizeDoesNotGrowWithTheItems) {
  const auto small = first_generation();
  all_ = synthetic_pairs(1050, kKinds, 3);
  const auto large = first_generation();
  EXPECT_NEAR(static_cast<double>(std::filesystem::file_size(small / "sums.safetensors")),
              static_cast<double>(std::filesystem::file_size(large / "sums.safetensors")), 8.0);
}

TEST_F(DlchTest, RefusesWhatItCannotLearnFrom) {
  const auto first = first_generation();
  const auto known = update_space(first, items_of(all_, {0, 1}), {}, fresh_folder(), quiet_);
  ASSERT_FALSE(known.has_value());
  EXPECT_EQ(known.error().code, ErrorCode::kInvalidArgument);
  TrainingSet narrow = items_of(all_, {5});
  narrow.image.features = FloatMatrix(narrow.labels.size(), 3);
  EXPECT_EQ(update_space(first, narrow, {}, fresh_folder(), quiet_).error().code, ErrorCode::kIncompatible);
  TrainingSet broken = items_of(all_, {5});
  broken.text.features.row(2)[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(update_space(first, broken, {}, fresh_folder(), quiet_).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(update_space(first, TrainingSet{}, {}, fresh_folder(), quiet_).error().code, ErrorCode::kInvalidArgument);
  for (const UpdateOptions& options :
       {UpdateOptions{.settings = {"gate_share=2"}}, UpdateOptions{.settings = {"hidden=64"}},
        UpdateOptions{.epochs = -3}, UpdateOptions{.epochs = 10000000}}) {
    const auto refused = update_space(first, items_of(all_, {5}), options, fresh_folder(), quiet_);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(DlchTest, RefusesTrainedTowers) {
  const auto folder = fresh_folder();
  const auto set = coloured_pairs(12, folder / "pieces.model");
  const auto report = train_method("dlch", set, {.bits = {8}, .epochs = 1}, folder, quiet_);
  ASSERT_FALSE(report.has_value());
  EXPECT_THAT(report.error().hint, HasSubstr("classic"));
}

// --- the objective ---

torch::Tensor rectified(const torch::Tensor& p, const torch::Tensor& q, const torch::Tensor& s) {
  return (torch::relu(unit_rows(p).mm(unit_rows(q).t())) - s).square().mean();
}

TEST(DlchTermsTest, AreTheEquationsOfTheFirstPhase) {
  torch::manual_seed(1);
  const auto make = [](std::int64_t rows) { return torch::tanh(torch::randn({rows, 8})); };
  DlchBatch batch{make(4), make(4), make(4), {}, make(6), make(6), make(6), {}, make(4).sign(), make(4).sign()};
  batch.labels = torch::eye(4).narrow(1, 0, 3).contiguous();  // the last item has no label
  batch.similar = torch::rand({4, 6});
  DlchSettings settings;
  settings.class_smoothing = 0;
  const auto words = torch::randn({3, 8}).sign();
  const auto terms = dlch_terms(batch, {words}, {8}, settings);
  const auto& s = batch.similar;
  const auto similarity =
      10 * rectified(batch.label, batch.label_buffer, s) + rectified(batch.label, batch.image_buffer, s) +
      10 * rectified(batch.label, batch.text_buffer, s) + 10 * rectified(batch.image, batch.image_buffer, s) +
      rectified(batch.image, batch.label_buffer, s) + 10 * rectified(batch.text, batch.text_buffer, s) +
      rectified(batch.text, batch.label_buffer, s);
  EXPECT_NEAR(terms.similarity.item<float>(), 0.1F * similarity.item<float>(), 1e-4);
  const auto gap = [](const torch::Tensor& p, const torch::Tensor& b) { return (p - b).square().mean(); };
  const auto quantization = gap(batch.image, batch.image_codes) + gap(batch.text, batch.text_codes) +
                            (gap(batch.label, batch.image_codes) + gap(batch.label, batch.text_codes)) / 2;
  EXPECT_NEAR(terms.quantization.item<float>(), 0.2F * quantization.item<float>(), 1e-4);
  auto classes = torch::zeros({});
  for (const auto& codes : {batch.image, batch.text, batch.label}) {
    const auto log_shares = torch::log_softmax(12.0 / 8 * codes.mm(words.t()), 1);
    for (std::int64_t i = 0; i < 3; ++i) classes = classes - log_shares[i][i] / 3;
  }
  EXPECT_NEAR(terms.classes.item<float>(), classes.item<float>(), 1e-4);
}

TEST(UpdateLossTest, IsTheEquationOfTheSecondPhase) {
  torch::manual_seed(3);
  const auto one_hot = [](std::int64_t rows) { return torch::eye(3).repeat({(rows + 2) / 3, 1}).narrow(0, 0, rows); };
  const auto old_codes = torch::randn({20, 8}).sign();
  const auto old_labels = one_hot(20);
  OldSums sums = OldSums::none(8);
  sums.widen(3);
  sums.add(old_codes, old_labels);
  const auto outputs = torch::tanh(torch::randn({5, 8}));
  const auto new_codes = torch::randn({7, 8}).sign();
  const auto own = new_codes.narrow(0, 0, 5);
  const DlchSettings settings;
  const auto loss = update_loss(outputs, one_hot(5), sums, own, new_codes, one_hot(7), 20, settings);
  const auto fit = [&](const torch::Tensor& labels, const torch::Tensor& codes) {
    return (8 * cosine_label_similarity(one_hot(5), labels) - outputs.mm(codes.t())).square().sum();
  };
  const auto expected = fit(old_labels, old_codes) + 0.1 * fit(one_hot(7), new_codes) +
                        10 * (own - outputs).square().sum() + outputs.sum(0).square().sum();
  EXPECT_NEAR(loss.item<double>(), expected.item<double>() / (64 * 5 * 27), 1e-5);
}

}  // namespace
}  // namespace warifu
