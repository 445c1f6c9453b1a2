#include "security/mask_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

std::vector<std::string> names(const std::vector<MaskRule>& rules) {
  std::vector<std::string> result;
  for (const MaskRule& rule : rules) result.push_back(rule.name);
  return result;
}

TEST(MaskRules, AreTheBuiltInOnesForAnEmptyFile) {
  EXPECT_EQ(read_mask_rules("# nothing\n", "r").value(), built_in_mask_rules());
  EXPECT_THAT(names(built_in_mask_rules()), ElementsAre("e-mail", "employee number", "phone"));
}

TEST(MaskRules, AreAddedReplacedAndDisabledByAFile) {
  const auto rules = read_mask_rules(R"(
[[rule]]
name = "customer"
pattern = 'C-\d{6}'

[[rule]]
name = "phone"
enabled = false

[[rule]]
name = "e-mail"
replacement = "（メール）"
)",
                                     "rules.toml");
  ASSERT_TRUE(rules) << rules.error().message;
  ASSERT_THAT(names(*rules), ElementsAre("e-mail", "employee number", "customer"));
  EXPECT_EQ((*rules)[0].replacement, "（メール）");
  EXPECT_EQ((*rules)[0].pattern, built_in_mask_rules()[0].pattern);
  EXPECT_EQ((*rules)[2], (MaskRule{"customer", "C-\\d{6}", "[customer]", "rules.toml:4"}));
}

TEST(MaskRules, NameFileAndLineOfAMistake) {
  const auto mistake = [](std::string_view text) { return read_mask_rules(text, "rules.toml").error(); };
  EXPECT_THAT(mistake("[[rule]]\nname = \"x\n"), Field(&Error::message, HasSubstr("rules.toml:2")));
  EXPECT_THAT(mistake("\n\nrules = 3\n").message, HasSubstr("rules.toml:3: unknown key 'rules'"));
  EXPECT_THAT(mistake("rule = 3\n").message, HasSubstr("rules.toml:1: 'rule' is not a list"));
  EXPECT_THAT(mistake("[[rule]]\nname = \"x\"\npatern = 'a'\n").message,
              HasSubstr("rules.toml:3: unknown key 'patern'"));
  EXPECT_THAT(mistake("[[rule]]\nname = \"x\"\npattern = 3\n").message,
              HasSubstr("rules.toml:3: 'pattern' is not a text"));
  EXPECT_THAT(mistake("[[rule]]\nname = \"x\"\nenabled = \"no\"\n").message, HasSubstr("rules.toml:3: 'enabled'"));
  EXPECT_THAT(mistake("[[rule]]\npattern = 'a'\n").message, HasSubstr("rules.toml:1: a rule without a name"));
  EXPECT_THAT(mistake("[[rule]]\nname = \"x\"\n").message, HasSubstr("rule 'x' has no pattern"));
  EXPECT_THAT(mistake("[[rule]]\nname=\"x\"\npattern='a'\n[[rule]]\nname=\"x\"\npattern='b'\n").message,
              HasSubstr("rules.toml:4: a second rule 'x'"));
  EXPECT_EQ(mistake("\xFF\xFE").code, ErrorCode::kBadFormat);
}

TEST(MaskRules, AreNotWithoutNumber) {
  std::string text;
  for (int i = 0; i < 120; ++i) text += "[[rule]]\nname = \"r" + std::to_string(i) + "\"\npattern = 'a'\n";
  EXPECT_EQ(read_mask_rules(text, "rules.toml").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace warifu
