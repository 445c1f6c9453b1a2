#include "nn/negative_bank.h"

#include <gtest/gtest.h>

#include <cmath>

namespace warifu {
namespace {

// Keys whose every entry is the item's number; text keys are negative.
void enqueue(NegativeBank& bank, std::vector<std::int64_t> items, std::int64_t step) {
  const auto ids = torch::tensor(items, torch::kInt64);
  const auto keys = ids.to(torch::kFloat32).unsqueeze(1).expand({-1, 2}).contiguous();
  bank.enqueue(keys, -keys, ids, step);
}

std::vector<std::int64_t> held(const NegativeBank& bank) {
  const auto items = std::get<0>(bank.items().sort());
  return {items.data_ptr<std::int64_t>(), items.data_ptr<std::int64_t>() + items.numel()};
}

TEST(NegativeBank, ForgetsTheOldestKeys) {
  NegativeBank bank(5, 2);
  EXPECT_EQ(bank.size(), 0);
  enqueue(bank, {1, 2, 3}, 1);
  EXPECT_EQ(held(bank), (std::vector<std::int64_t>{1, 2, 3}));
  enqueue(bank, {4, 5, 6}, 2);
  EXPECT_EQ(held(bank), (std::vector<std::int64_t>{2, 3, 4, 5, 6}));
}

TEST(NegativeBank, KeepsKeysWithTheirItems) {
  NegativeBank bank(4, 2);
  enqueue(bank, {1, 2, 3}, 1);
  enqueue(bank, {4, 5, 6}, 2);
  const auto items = bank.items().to(torch::kFloat32);
  EXPECT_TRUE(torch::equal(bank.image_keys().select(1, 0), items));
  EXPECT_TRUE(torch::equal(bank.text_keys().select(1, 1), -items));
}

TEST(NegativeBank, TakesTheEndOfABatchAboveItsCapacity) {
  NegativeBank bank(2, 2);
  enqueue(bank, {1, 2, 3, 4, 5}, 1);
  EXPECT_EQ(held(bank), (std::vector<std::int64_t>{4, 5}));
}

TEST(NegativeBank, StaysEmptyWithoutRoom) {
  NegativeBank bank(0, 2);
  enqueue(bank, {1}, 1);
  EXPECT_EQ(bank.size(), 0);
}

TEST(NegativeBank, CountsOldKeysLess) {
  NegativeBank bank(2, 2);
  enqueue(bank, {1}, 10);
  enqueue(bank, {2}, 30);
  const auto weights = bank.log_age_weights(30, 20.0);
  EXPECT_FLOAT_EQ(weights[0].item<float>(), -1);
  EXPECT_FLOAT_EQ(weights[1].item<float>(), 0);
}

TEST(NegativeBank, GoesOnAfterRestoringAsIfNothingHappened) {
  NegativeBank bank(3, 2);
  enqueue(bank, {1, 2}, 1);
  NegativeBank copy(3, 2);
  copy.restore(bank.state());
  enqueue(bank, {3, 4}, 2);
  enqueue(copy, {3, 4}, 2);
  EXPECT_TRUE(torch::equal(bank.items(), copy.items()));
  EXPECT_TRUE(torch::equal(bank.log_age_weights(5, 1), copy.log_age_weights(5, 1)));
  NegativeBank other(4, 2);
  EXPECT_THROW(other.restore(bank.state()), c10::Error);
}

}  // namespace
}  // namespace warifu
