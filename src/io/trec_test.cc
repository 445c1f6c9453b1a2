#include "io/trec.h"

#include <gtest/gtest.h>

#include <limits>

#include "io/record_fixture.h"

namespace warifu {
namespace {

class Trec : public RecordFixture {};

TEST_F(Trec, ARunHasOneLineForEachHit) {
  const auto path = folder() / "run.txt";
  auto run = TrecRunWriter::open(path, "dlch 64");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_TRUE(run->add("q1", "赤い 靴.jpg", 1, 0.1));
  EXPECT_TRUE(run->add("q1", "d\t2", 2, -7));
  EXPECT_FALSE(std::filesystem::exists(path));  // not before it is whole
  ASSERT_TRUE(run->close());
  EXPECT_EQ(read_text_file(path, 1000).value(),
            "q1 Q0 赤い%20靴.jpg 1 0.1 dlch%2064\n"
            "q1 Q0 d%092 2 -7 dlch%2064\n");
}

TEST_F(Trec, QrelsHaveOneLineForEachJudgement) {
  const auto path = folder() / "qrels.txt";
  auto qrels = TrecQrelsWriter::open(path);
  ASSERT_TRUE(qrels);
  EXPECT_TRUE(qrels->add("q 1", "d1", 2));
  EXPECT_TRUE(qrels->add("q 1", "d2", 0));
  ASSERT_TRUE(qrels->close());
  EXPECT_EQ(read_text_file(path, 1000).value(), "q%201 0 d1 2\nq%201 0 d2 0\n");
}

TEST_F(Trec, IdsLoseEveryKindOfWhiteSpaceAndNothingElse) {
  EXPECT_EQ(trec_id("plain/id_1.jpg"), "plain/id_1.jpg");
  EXPECT_EQ(trec_id("100%"), "100%25");
  EXPECT_EQ(trec_id("a\nb\r\x7F"), "a%0Ab%0D%7F");
  EXPECT_EQ(trec_id("全角\u3000空白\u00A0"), "全角%E3%80%80空白%C2%A0");
  EXPECT_EQ(trec_id(""), "");
}

TEST_F(Trec, LinesThatNoProgramCouldReadAreRefused) {
  auto run = TrecRunWriter::open(folder() / "run.txt", "x");
  ASSERT_TRUE(run);
  EXPECT_EQ(run->add("", "d", 1, 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(run->add("q", "", 1, 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(run->add("q", "d", 0, 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(run->add("q", "d", 1, std::numeric_limits<double>::quiet_NaN()).error().code, ErrorCode::kInvalidArgument);
  auto qrels = TrecQrelsWriter::open(folder() / "qrels.txt");
  ASSERT_TRUE(qrels);
  EXPECT_EQ(qrels->add("q", "d", -1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(TrecRunWriter::open(folder() / "run.txt", "").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(TrecRunWriter::open(folder() / "none" / "run.txt", "x").error().code, ErrorCode::kNotFound);
}

TEST_F(Trec, AWriterThatIsNotClosedLeavesTheOldFile) {
  const auto path = save("run.txt", "old");
  {
    auto run = TrecRunWriter::open(path, "x");
    ASSERT_TRUE(run);
    for (int i = 1; i < 20000; ++i) ASSERT_TRUE(run->add("q", std::to_string(i), static_cast<std::size_t>(i), -i));
  }
  EXPECT_EQ(read_text_file(path, 1000).value(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder()), {}), 1);
}

}  // namespace
}  // namespace warifu
