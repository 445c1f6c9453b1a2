#include "methods/named_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class NamedSettings : public testing::Test {
 protected:
  Result<void> choose(const std::vector<std::string>& chosen) { return choose_settings(settings_, chosen); }

  int epochs_ = 20;
  std::int64_t batch_ = 256;
  double rate_ = 0.1;
  static constexpr std::string_view kLosses[] = {"infonce", "siglip"};
  std::string loss_ = "infonce";
  const std::vector<NamedSetting> settings_ = {{"epochs", &epochs_, 1, 1000},
                                               {"batch", &batch_, 2, 1e6},
                                               {"rate", &rate_, 0, 1},
                                               {"loss", NamedChoice{&loss_, kLosses}}};
};

TEST_F(NamedSettings, AreChosenByNameAndTheLastChoiceWins) {
  ASSERT_TRUE(choose({"batch=64", "rate=0.5", "loss=siglip", "batch=32"}).has_value());
  EXPECT_EQ(batch_, 32);
  EXPECT_EQ(rate_, 0.5);
  EXPECT_EQ(loss_, "siglip");
  EXPECT_EQ(epochs_, 20);
}

TEST_F(NamedSettings, StayAsTheyAreWhenOneChoiceIsWrong) {
  for (const char* wrong :
       {"colour=3", "batch", "batch=", "batch=2.5", "batch=1", "rate=nan", "rate=2", "rate=0.5x", "loss=3", "loss="}) {
    const auto result = choose({"epochs=7", wrong});
    ASSERT_FALSE(result.has_value()) << wrong;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(epochs_, 20) << wrong;
  }
  EXPECT_THAT(choose({"colour=3"}).error().hint, HasSubstr("epochs, batch, rate, loss"));
  EXPECT_THAT(choose({"batch=2.5"}).error().message, HasSubstr("whole number in 2 … 1000000"));
  EXPECT_THAT(choose({"loss=3"}).error().message, HasSubstr("one of infonce, siglip"));
}

TEST_F(NamedSettings, AreWrittenSoThatTheyReadBackTheSame) {
  rate_ = 0.1 + 0.2;
  EXPECT_THAT(settings_as_text(settings_), ElementsAre(Pair("batch", "256"), Pair("epochs", "20"),
                                                       Pair("loss", "infonce"), Pair("rate", "0.30000000000000004")));
}

TEST(Chooses, KnowsANameByItsWhole) {
  const std::vector<std::string> chosen = {"min_temperature=0.3", "hidden=5"};
  EXPECT_TRUE(chooses(chosen, "hidden"));
  EXPECT_FALSE(chooses(chosen, "temperature"));
  EXPECT_FALSE(chooses({}, "hidden"));
}

}  // namespace
}  // namespace warifu
