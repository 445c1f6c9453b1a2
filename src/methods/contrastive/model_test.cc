#include "methods/contrastive/model.h"

#include <gtest/gtest.h>

#include "nn/losses.h"

namespace warifu {
namespace {

// Mean cosine between the codes of different rows: 1 when all are the same code.
double mean_likeness(const torch::Tensor& codes) {
  const auto rows = unit_rows(codes);
  const auto count = static_cast<double>(rows.size(0));
  return (rows.mm(rows.t()).sum().item<double>() - count) / (count * (count - 1));
}

class UntaughtTower : public testing::Test {
 protected:
  UntaughtTower() {
    torch::manual_seed(4);
    branch_ = ContrastiveBranch(InputSpec{InputSpec::Kind::kPictures, 64, 0}, 128, /*dropout=*/0.0,
                                std::vector<std::uint32_t>{32});
    pictures_ = torch::randint(0, 256, {12, 3, 96, 96}, torch::kUInt8);
  }

  ContrastiveBranch branch_ = nullptr;
  torch::Tensor pictures_;
};

TEST_F(UntaughtTower, GivesCodesThatDifferOnceItsOutputIsStandardised) {
  const torch::NoGradGuard no_grad;
  branch_->eval();  // nothing is known yet of what the tower gives
  EXPECT_GT(mean_likeness(branch_->forward(pictures_)), 0.9);
  branch_->train();
  EXPECT_LT(mean_likeness(branch_->forward(pictures_)), 0.5);
}

TEST_F(UntaughtTower, EncodesByWhatWasKeptAndNotByNeighbours) {
  const torch::NoGradGuard no_grad;
  branch_->train();
  for (int i = 0; i < 60; ++i) branch_->forward(pictures_);
  const auto trained = branch_->forward(pictures_);
  branch_->eval();
  const auto together = branch_->forward(pictures_);
  // The kept variance is unbiased, that of a batch of 12 is not: 12/11.
  EXPECT_GT((unit_rows(trained) * unit_rows(together)).sum(1).min().item<double>(), 0.95);
  EXPECT_TRUE(torch::allclose(branch_->forward(pictures_.narrow(0, 3, 1)), together.narrow(0, 3, 1), 1e-4, 1e-5));
}

TEST_F(UntaughtTower, ExportsTheStatisticsThatItEncodesBy) {
  const torch::NoGradGuard no_grad;
  branch_->train();
  branch_->forward(pictures_);
  NamedTensors tensors;
  branch_->export_to(tensors, "image");
  const auto features = branch_->input->features_of(pictures_);
  const auto standardised = (features - tensors.at("image.mean")) * tensors.at("image.scale");
  EXPECT_TRUE(
      torch::allclose(branch_->input->standardise(features), standardised.clamp(-kFeatureLimit, kFeatureLimit)));
  EXPECT_GT(tensors.at("image.mean").abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace warifu
