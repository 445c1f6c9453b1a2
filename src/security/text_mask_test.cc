#include "security/text_mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

MaskRule rule(std::string pattern) { return {"test", std::move(pattern), "[x]", "rules.toml:3"}; }

class TextMasking : public testing::Test {
 protected:
  std::string masked(std::string_view text) const {
    const auto done = mask_.mask(text);
    EXPECT_TRUE(done) << done.error().message;
    return done ? done->text : "";
  }
  void unchanged(std::string_view text) const { EXPECT_EQ(masked(text), text); }

  TextMask mask_ = TextMask::compile(built_in_mask_rules()).value();
};

TEST_F(TextMasking, PutsAWordInThePlaceOfEMailAddresses) {
  EXPECT_EQ(masked("ask tanaka.taro+parts@mail.example.co.jp."), "ask [e-mail].");
  EXPECT_EQ(masked("連絡先tanaka@example.co.jpまで"), "連絡先[e-mail]まで");
  EXPECT_EQ(masked("<a@b.jp>,c_d@e-f.org"), "<[e-mail]>,[e-mail]");
  EXPECT_EQ(masked("taro (at) example.com"), "[e-mail]");
  EXPECT_EQ(masked("x@xn--r8jz45g.xn--zckzah"), "[e-mail]");
}

TEST_F(TextMasking, LeavesWhatOnlyHasAnAtSignAlone) {
  for (const char* text : {"M6 bolt @ 4.5 Nm", "user@localhost", "@handle", "3 pcs @120", "a@b", "図面@A3"})
    unchanged(text);
}

TEST_F(TextMasking, KnowsTheFormsOfJapanesePhoneNumbers) {
  for (const char* number :
       {"03-1234-5678", "090-1234-5678", "080 1234 5678", "09012345678", "070-12345678", "045-123-4567", "0467-12-3456",
        "04992-2-1234", "0120-123-456", "0800-123-4567", "050-1234-5678", "(03)1234-5678", "(03) 1234-5678",
        "03(1234)5678", "03-12345678", "03‐1234‐5678", "03−1234−5678", "03ー1234ー5678", "03 - 1234 - 5678"}) {
    EXPECT_EQ(masked(number), "[phone]") << number;
    EXPECT_EQ(masked("電話" + std::string(number) + "まで"), "電話[phone]まで") << number;
    EXPECT_EQ(masked("call " + std::string(number) + "."), "call [phone].") << number;
  }
  EXPECT_EQ(masked("TEL03-1234-5678 FAX03-1234-5679"), "TEL[phone] FAX[phone]");
  EXPECT_EQ(masked("TEL-03-1234-5678/03-1234-5679"), "TEL-[phone]/[phone]");
  EXPECT_EQ(masked("電話番号は0312345678です"), "電話番号は[phone]です");
}

TEST_F(TextMasking, KnowsInternationalPhoneNumbers) {
  for (const char* number : {"+81-3-1234-5678", "+81 90 1234 5678", "+819012345678", "+81 (0)3-1234-5678",
                             "+1 (212) 555-0123", "+49 30 123456-78", "+44.20.7946.0958", "0081-3-1234-5678",
                             "001 212 555 0123", "(212) 555-0123", "212-555-0123", "1-212-555-0123"})
    EXPECT_EQ(masked("tel: " + std::string(number) + " now"), "tel: [phone] now") << number;
}

TEST_F(TextMasking, LeavesPartNumbersDatesSizesAndCodesAlone) {
  for (const char* text : {"ABC-1234-56",
                           "ABC-03-1234-5678",
                           "03-1234-5678-A1",
                           "X_090-1234-5678",
                           "2024-01-15",
                           "2024/01/15 10:30",
                           "2024-01-15 0900-1730",
                           "ISBN 978-4-00-310101-8",
                           "ISBN 4-00-310101-4",
                           "JAN 4901234567894",
                           "0312345678",
                           "100 x 200 x 3000 mm",
                           "φ10-20-30",
                           "12.5-0.02",
                           "lot 20240115-001",
                           "No. 123-456",
                           "M10-1.5",
                           "SUS304-2B",
                           "1234-5678-9012-3456",
                           "192.168.10.254",
                           "0.1234-0.5678",
                           "3+12345678",
                           "001 2 3",
                           "price 1,234,567",
                           "伝票番号 0312345678",
                           "0123-4567-8901",
                           "01-15-2024"})
    unchanged(text);
}

TEST_F(TextMasking, KnowsNumbersOfEmployeesInBothLanguages) {
  for (const char* text :
       {"社員番号:123456", "社員番号 A1234", "従業員番号は 00123456", "社員No.12345", "Employee No. 12345",
        "employee number: AB-123456", "EMPLOYEE ID 4711", "emp. 12345", "Emp#12345", "staff id 12345"})
    EXPECT_EQ(masked("(" + std::string(text) + ")"), "([employee number])") << text;
  for (const char* text : {"temp 1234", "社員 12 名", "employee of 2024", "temp. 1200 K", "exempt 12345"})
    unchanged(text);
  EXPECT_EQ(masked("社員番号 0312345678"), "[employee number]");
}

TEST_F(TextMasking, CountsByRuleAndChangesNothingTheSecondTime) {
  const auto first = mask_.mask("a@b.jp, c@d.jp, 03-1234-5678, 社員番号:123456");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text, "[e-mail], [e-mail], [phone], [employee number]");
  EXPECT_THAT(first->counts, UnorderedElementsAre(Pair("e-mail", 2), Pair("phone", 1), Pair("employee number", 1)));
  const auto second = mask_.mask(first->text);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->text, first->text);
  EXPECT_THAT(second->counts, IsEmpty());
}

TEST_F(TextMasking, TakesAReplacementAsItStands) {
  const auto mask = TextMask::compile({{"test", "(b)+", "$1\\0", "here"}});
  ASSERT_TRUE(mask);
  EXPECT_EQ(mask->mask("abbc")->text, "a$1\\0c");
}

TEST_F(TextMasking, RefusesAPatternThatIsNoneWithItsPlace) {
  for (const char* pattern : {"(", "a{2", "[z-a]", "x*", "", "(?<=a*)b"}) {
    const auto mask = TextMask::compile({rule(pattern)});
    ASSERT_FALSE(mask) << pattern;
    EXPECT_EQ(mask.error().code, ErrorCode::kBadFormat);
    EXPECT_THAT(mask.error().message, HasSubstr("rules.toml:3: rule 'test'"));
  }
  EXPECT_FALSE(TextMask::compile({rule(std::string(5000, 'a'))}));
}

TEST_F(TextMasking, ComesToAnEndWithAHostilePatternOrText) {
  for (const char* pattern : {"(a+)+b", "(a|aa)+$x", "(.*)*y", "(?:a?){40}a{40}z"}) {
    const auto mask = TextMask::compile({rule(pattern)});
    if (!mask) continue;
    const auto done = mask->mask(std::string(100'000, 'a') + "c");
    if (!done) {
      EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument) << pattern;
      EXPECT_THAT(done.error().message, HasSubstr("rule 'test'"));
    }
  }
}

TEST_F(TextMasking, ReadsAMegabyteThatAlmostMatchesWithoutRefusingIt) {
  for (const char* piece :
       {"a.", "03-", "0", "+1 ", "(", "a@", "090-1234-567 ", "社員番号", "1-2 ", "tel ", "emp ", "a@b."}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    const auto done = mask_.mask(text);
    EXPECT_TRUE(done) << piece << ": " << done.error().message;
  }
}

}  // namespace
}  // namespace warifu
