#include "store/feature_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "io/npy.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Keys = std::vector<std::string>;

class FeatureStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("features_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  std::filesystem::path base() const { return folder_ / "tower-1.0" / "a.b"; }
  std::filesystem::path npy() const { return base().string() + ".npy"; }
  std::filesystem::path keys() const { return base().string() + ".keys"; }
  std::unique_ptr<FeatureStore> open() const {
    auto store = open_feature_store(base());
    EXPECT_TRUE(store) << store.error().message;
    return store ? *std::move(store) : nullptr;
  }
  static std::vector<float> values(const Result<FloatMatrix>& matrix) {
    EXPECT_TRUE(matrix) << matrix.error().message;
    return {matrix->values().begin(), matrix->values().end()};
  }
  std::filesystem::path folder_;
};

TEST_F(FeatureStoreTest, GathersRowsByKeyInTheOrderAsked) {
  const auto store = open();
  EXPECT_EQ(store->rows(), 0U);
  EXPECT_EQ(store->cols(), 0U);
  EXPECT_FALSE(std::filesystem::exists(folder_)) << "reading creates nothing";
  ASSERT_TRUE(store->append(Keys{"a", "図", "c d"}, FloatMatrix(3, 2, {1, 2, 3, 4, 5, 6})));
  EXPECT_EQ(store->rows(), 3U);
  EXPECT_EQ(store->cols(), 2U);
  EXPECT_TRUE(store->contains("図"));
  EXPECT_FALSE(store->contains("c"));
  EXPECT_THAT(values(store->gather(Keys{"c d", "a", "図", "c d"})), ElementsAre(5, 6, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(store->gather({})->rows(), 0U);
  const auto missing = store->gather(Keys{"a", "x", "y"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("'x'"));
}

TEST_F(FeatureStoreTest, ComesBackAfterReopeningAndGrows) {
  {
    const auto store = open();
    ASSERT_TRUE(store->append(Keys{"a", "b"}, FloatMatrix(2, 2, {1, 2, 3, 4})));
    ASSERT_TRUE(store->flush());
  }
  {
    const auto store = open();
    ASSERT_TRUE(store->append(Keys{"c"}, FloatMatrix(1, 2, {5, 6})));
    ASSERT_TRUE(store->flush());
    ASSERT_TRUE(store->flush());
  }
  const auto store = open();
  EXPECT_EQ(store->rows(), 3U);
  EXPECT_THAT(values(store->gather(Keys{"c", "b", "a"})), ElementsAre(5, 6, 3, 4, 1, 2));
}

TEST_F(FeatureStoreTest, IsAnNpyFileOfItsRows) {
  const auto store = open();
  ASSERT_TRUE(store->append(Keys{"a", "b"}, FloatMatrix(2, 3, {1, 2, 3, 4, 5, 6})));
  ASSERT_TRUE(store->flush());
  const auto bytes = read_text_file(npy(), 1 << 20);
  ASSERT_TRUE(bytes);
  ASSERT_EQ(bytes->size(), 128U + 24);
  EXPECT_EQ(bytes->substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(*bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"));
  EXPECT_EQ((*bytes)[127], '\n');
  EXPECT_THAT(values(read_npy_matrix(npy())), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(FeatureStoreTest, ReplacesAKeyThatIsAlreadyThere) {
  const auto store = open();
  ASSERT_TRUE(store->append(Keys{"a", "b"}, FloatMatrix(2, 1, {1, 2})));
  ASSERT_TRUE(store->append(Keys{"a"}, FloatMatrix(1, 1, {3})));
  ASSERT_TRUE(store->append(Keys{"b", "b"}, FloatMatrix(2, 1, {4, 5})));
  EXPECT_EQ(store->rows(), 2U);
  EXPECT_THAT(values(store->gather(Keys{"a", "b"})), ElementsAre(3, 5));
  ASSERT_TRUE(store->flush());
  EXPECT_THAT(values(open()->gather(Keys{"a", "b"})), ElementsAre(3, 5));
}

TEST_F(FeatureStoreTest, RefusesWhatItCouldNotGiveBack) {
  const auto store = open();
  ASSERT_TRUE(store->append(Keys{"a"}, FloatMatrix(1, 2, {1, 2})));
  const auto code = [&](const Keys& given, const FloatMatrix& features) {
    const auto done = store->append(given, features);
    return done ? std::optional<ErrorCode>() : done.error().code;
  };
  EXPECT_EQ(code({"b"}, FloatMatrix(1, 3)), ErrorCode::kIncompatible);
  EXPECT_EQ(code({"b\nc"}, FloatMatrix(1, 2)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({""}, FloatMatrix(1, 2)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({std::string(70000, 'k')}, FloatMatrix(1, 2)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({"b", "c"}, FloatMatrix(1, 2)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({"b"}, FloatMatrix(1, 0)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({"ok", "b\n"}, FloatMatrix(2, 2)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({}, FloatMatrix()), std::nullopt);
  EXPECT_EQ(store->rows(), 1U) << "nothing of them is there";
}

TEST_F(FeatureStoreTest, LetsOneWriteAndTheOthersRead) {
  const auto writer = open();
  ASSERT_TRUE(writer->append(Keys{"a"}, FloatMatrix(1, 1, {1})));
  ASSERT_TRUE(writer->flush());
  const auto reader = open();
  ASSERT_TRUE(writer->append(Keys{"b"}, FloatMatrix(1, 1, {2})));
  ASSERT_TRUE(writer->flush());
  EXPECT_EQ(reader->rows(), 1U) << "what was there when it opened";
  EXPECT_EQ(reader->append(Keys{"c"}, FloatMatrix(1, 1)).error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(values(reader->gather(Keys{"a"})), ElementsAre(1)) << "it still reads";
}

TEST_F(FeatureStoreTest, AReaderThatWritesLaterSeesWhatOthersWrote) {
  const auto late = open();
  {
    const auto early = open();
    ASSERT_TRUE(early->append(Keys{"a"}, FloatMatrix(1, 1, {1})));
    ASSERT_TRUE(early->flush());
  }
  ASSERT_TRUE(late->append(Keys{"b"}, FloatMatrix(1, 1, {2})));
  ASSERT_TRUE(late->flush());
  EXPECT_THAT(values(open()->gather(Keys{"a", "b"})), ElementsAre(1, 2));
}

TEST_F(FeatureStoreTest, LeavesAFileAloneThatItDidNotMake) {
  std::filesystem::create_directories(npy().parent_path());
  for (const std::string& foreign : {std::string(500, 'x'), std::string("short")}) {
    ASSERT_TRUE(write_file_atomically(npy(), foreign));
    const auto store = open_feature_store(base());
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::kBadFormat);
    EXPECT_EQ(read_text_file(npy(), 1000), foreign);
  }
}

TEST_F(FeatureStoreTest, RefusesHostileHeaders) {
  {
    const auto store = open();
    ASSERT_TRUE(store->append(Keys{"a", "b"}, FloatMatrix(2, 3)));
    ASSERT_TRUE(store->flush());
  }
  const auto good = read_text_file(npy(), 1000);
  ASSERT_TRUE(good);
  const auto with_shape = [&](const std::string& shape) {
    std::string bytes = *good;
    const std::size_t at = bytes.find("(2, 3), }");
    bytes.replace(at, shape.size(), shape);
    EXPECT_TRUE(write_file_atomically(npy(), bytes));
    const auto store = open_feature_store(base());
    return store ? std::optional<ErrorCode>() : store.error().code;
  };
  EXPECT_EQ(with_shape("(2, 3), }"), std::nullopt);
  EXPECT_EQ(with_shape("(99999999999, 3), }"), std::nullopt) << "the count is not believed";
  for (const char* shape : {"(2, 0), }", "(2, -3), }", "(2, 99999999), }", "(2, 99999999999999999999999), }",
                            "(x, 3), }", "(2, 3, 1), }", "(2,), }", "(2, 3), } x"})
    EXPECT_EQ(with_shape(shape), ErrorCode::kBadFormat) << shape;
}

}  // namespace
}  // namespace warifu
