// The sums of the old items, the discrete step, gates and words against brute force.
#include "methods/dlch/old_sums.h"

#include <gtest/gtest.h>

#include "methods/dlch/discrete_codes.h"
#include "methods/dlch/new_classes.h"
#include "nn/label_similarity.h"
#include "nn/losses.h"

namespace warifu {
namespace {

torch::Tensor random_codes(std::int64_t items, std::int64_t bits) { return torch::randn({items, bits}).sign(); }

// One label an item, some with a second.
torch::Tensor random_labels(std::int64_t items, std::int64_t classes) {
  auto labels = torch::zeros({items, classes});
  for (std::int64_t i = 0; i < items; ++i) {
    labels[i][i % classes] = 1;
    if (i % 3 == 0) labels[i][(i / 3) % classes] = 1;
  }
  return labels;
}

class OldSumsTest : public testing::Test {
 protected:
  OldSumsTest() {
    torch::manual_seed(5);
    codes_ = random_codes(60, 8);
    labels_ = random_labels(60, 5);
    sums_ = OldSums::none(8);
    sums_.widen(5);
    sums_.add(codes_, labels_);
  }

  torch::Tensor codes_, labels_;
  OldSums sums_;
};

TEST_F(OldSumsTest, GiveTheLossWithoutTheOldItems) {
  const auto outputs = torch::randn({7, 8}).to(torch::kFloat64).requires_grad_(true);
  const auto labels = random_labels(7, 5);
  const auto similar = cosine_label_similarity(labels, labels_).to(torch::kFloat64);
  const auto by_items = (8 * similar - outputs.mm(codes_.to(torch::kFloat64).t())).square().sum();
  const auto by_sums = old_codes_loss(outputs, labels, sums_);
  EXPECT_NEAR(by_items.item<double>(), by_sums.item<double>(), 1e-3 * by_items.item<double>());
  const auto expected = torch::autograd::grad({by_items}, {outputs})[0];
  const auto gradient = torch::autograd::grad({by_sums}, {outputs})[0];
  EXPECT_TRUE(torch::allclose(gradient, expected, 1e-4, 1e-2));
}

TEST_F(OldSumsTest, AddUpOverIncrements) {
  OldSums parts = OldSums::none(8);
  parts.widen(3);
  parts.widen(5);
  for (const std::int64_t begin : {0, 20, 40}) parts.add(codes_.narrow(0, begin, 20), labels_.narrow(0, begin, 20));
  EXPECT_TRUE(torch::allclose(parts.codes, sums_.codes));
  EXPECT_TRUE(torch::allclose(parts.cross, sums_.cross, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(parts.labels, sums_.labels, 1e-5, 1e-6));
}

// f* = K A^-1 M^T lhat: the loss has no slope there.
TEST_F(OldSumsTest, NameTheBestOutputsInClosedForm) {
  const auto labels = random_labels(6, 5);
  const auto best = old_codes_optimum(labels, sums_).detach().requires_grad_(true);
  const auto gradient = torch::autograd::grad({old_codes_loss(best, labels, sums_)}, {best})[0];
  EXPECT_LT(gradient.abs().max().item<double>(), 1e-3);
  const auto by_hand =
      8 * unit_rows(labels[2].to(torch::kFloat64).unsqueeze(0)).mm(sums_.cross).mm(sums_.codes.inverse());
  EXPECT_TRUE(torch::allclose(best[2], by_hand[0], 1e-4, 1e-5));
}

TEST_F(OldSumsTest, DoNotShrink) { EXPECT_THROW(sums_.widen(4), c10::Error); }

// Each bit in its turn is the better of the two values, the others as they are then.
TEST(DiscreteCodes, AreTheExactMinimumBitByBit) {
  torch::manual_seed(2);
  constexpr std::int64_t kItems = 12, kSample = 9, kBits = 6;
  const auto outputs = torch::tanh(torch::randn({kSample, kBits}));
  const auto labels = random_labels(kItems, 4);
  const auto sample_labels = random_labels(kSample, 4);
  auto own = torch::zeros({kItems, kBits});
  own.narrow(0, 0, 5).copy_(outputs.narrow(0, 0, 5));
  const double weight = 3;
  const auto similar = cosine_label_similarity(sample_labels, labels);
  const auto loss = [&](const torch::Tensor& codes) {
    return ((kBits * similar - outputs.mm(codes.t())).square().sum() + weight * (own - codes).square().sum())
        .item<double>();
  };
  const auto start = random_codes(kItems, kBits);
  auto brute = start.clone();
  for (std::int64_t k = 0; k < kBits; ++k)
    for (std::int64_t i = 0; i < kItems; ++i) {
      brute[i][k] = 1;
      const double plus = loss(brute);
      brute[i][k] = -1;
      if (plus < loss(brute)) brute[i][k] = 1;
    }
  const auto made = discrete_codes(start, outputs, sample_labels, labels, own, weight);
  EXPECT_TRUE(made.equal(brute));
  EXPECT_LE(loss(made), loss(start));
}

TEST(DiscreteCodes, KeepABitThatNothingPulls) {
  const auto start = torch::tensor({{1.0F, -1.0F}});
  const auto nothing = torch::zeros({1, 2});
  EXPECT_TRUE(discrete_codes(start, nothing, torch::ones({1, 1}), torch::ones({1, 1}), nothing, 0).equal(start));
}

// The same regression with the old items there: inputs whose second moment is exactly the one that is known.
TEST(ClassGates, EqualARegressionThatSeesTheOldItems) {
  torch::manual_seed(4);
  constexpr std::int64_t kWidth = 6, kNew = 9;
  auto old = torch::randn({200, kWidth}).to(torch::kFloat64);
  old = old - old.mean(0);
  const auto root = std::get<1>(at::linalg_eigh(old.t().mm(old) / 200, "L"));
  old = old.mm(root);  // uncorrelated columns
  const auto spread = old.square().mean(0);
  auto fresh = torch::randn({kNew, kWidth}).to(torch::kFloat64) + 2;
  auto labels = torch::zeros({kNew, 2});
  labels.narrow(0, 0, 4).select(1, 0).fill_(1);
  labels.narrow(0, 4, 5).select(1, 1).fill_(1);
  const double ridge = 0.1;
  const auto rows = torch::cat({torch::cat({old, fresh}), torch::ones({200 + kNew, 1}, torch::kFloat64)}, 1);
  const auto targets = torch::cat({torch::zeros({200, 2}), labels}).to(torch::kFloat64);
  auto penalty = torch::full({kWidth + 1}, 200 * ridge, torch::kFloat64);
  penalty[kWidth] = 0;
  const auto weights = at::linalg_solve(rows.t().mm(rows) + torch::diag(penalty), rows.t().mm(targets));
  const auto gates = class_gates(fresh.to(torch::kFloat32), labels, spread.to(torch::kFloat32), 200, ridge, 0.5, 0);
  for (std::int64_t c = 0; c < 2; ++c) {
    const auto made = gates.weight.select(1, c).to(torch::kFloat64);
    const auto wanted = weights.narrow(0, 0, kWidth).select(1, c);
    EXPECT_NEAR((made / made.norm()).dot(wanted / wanted.norm()).item<double>(), 1, 1e-5);
  }
}

TEST(ClassGates, OpenForTheirClassAndStayShutForOldItems) {
  torch::manual_seed(6);
  for (const std::int64_t count : {1, 4, 60}) {  // fewer and more items than inputs
    const auto old = torch::randn({500, 20});
    auto fresh = torch::randn({count, 20}) * 0.3;
    fresh.select(1, 0) += 6;
    const auto gates = class_gates(fresh, torch::ones({count, 1}), torch::ones({20}), 500, 0.05, 0.5, 3);
    const auto open = [&](const torch::Tensor& rows) {
      return torch::relu(rows.mm(gates.weight) + gates.bias).gt(0).to(torch::kFloat32).mean().item<double>();
    };
    auto more = torch::randn({100, 20}) * 0.3;
    more.select(1, 0) += 6;
    EXPECT_GT(open(more), 0.95) << count;
    EXPECT_LT(open(old), 0.02) << count;
  }
}

TEST(NewClassWords, StayWhereTheItemsAreButAwayFromOthers) {
  torch::manual_seed(8);
  const auto taken = random_codes(6, 32);
  const auto outputs = torch::cat({taken.narrow(0, 0, 1) * 0.9, torch::tanh(torch::randn({2, 32}))});
  const auto words = new_class_words(outputs, taken, 10);
  EXPECT_TRUE(words.abs().eq(1).all().item<bool>());
  const auto all = torch::cat({taken, words});
  for (std::int64_t c = 0; c < 3; ++c)
    for (std::int64_t j = 0; j < 6 + c; ++j)
      EXPECT_GE((32 - all[j].dot(words[c]).item<float>()) / 2, 10) << c << " and " << j;
  // Nothing to keep away from: the signs of the outputs.
  EXPECT_TRUE(new_class_words(outputs, taken.narrow(0, 0, 0), 0).equal(outputs.sign()));
}

TEST(NewClassWords, TakeTheFarthestWhereNoWordIsFarEnough) {
  const auto all_of_two_bits = torch::tensor({{1.0F, 1.0F}, {1.0F, -1.0F}, {-1.0F, 1.0F}, {-1.0F, -1.0F}});
  EXPECT_TRUE(new_class_words(torch::ones({1, 2}), all_of_two_bits, 2).equal(torch::ones({1, 2})));  // as it was
  // No word is 3 bits from both of these; those with two bits of each are 2.
  const auto opposites = torch::stack({torch::ones(4), -torch::ones(4)});
  const auto word = new_class_words(torch::tensor({{0.9F, 0.1F, 0.8F, 0.2F}}), opposites, 3);
  EXPECT_TRUE(word.equal(torch::tensor({{1.0F, -1.0F, 1.0F, -1.0F}}))) << word;
}

}  // namespace
}  // namespace warifu
