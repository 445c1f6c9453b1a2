#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Safetensors : public testing::Test {
 protected:
  ~Safetensors() override { std::filesystem::remove_all(folder_); }

  Result<std::unique_ptr<SafetensorsFile>> open_bytes(std::string_view bytes) {
    EXPECT_TRUE(write_file_atomically(folder_ / "x.safetensors", bytes));
    return open_safetensors(folder_ / "x.safetensors");
  }

  // A file with this header and so many bytes of values.
  Result<std::unique_ptr<SafetensorsFile>> open_header(std::string_view header, std::size_t value_bytes) {
    const std::uint64_t length = header.size();
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    return open_bytes(bytes.append(header) + std::string(value_bytes, '\0'));
  }

  std::filesystem::path folder_ = fresh_folder();
};

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

template <typename T>
std::vector<float> floats(std::string dtype, const std::vector<T>& values) {
  const auto converted = to_floats({std::move(dtype), {static_cast<std::int64_t>(values.size())}, bytes_of(values)});
  if (!converted) ADD_FAILURE() << converted.error().message;
  return converted.value_or(std::vector<float>{});
}

TEST_F(Safetensors, ReadsBackWhatItWrote) {
  const std::vector<float> weight = {1, 2, 3, 4, 5, 6};
  const std::vector<std::uint8_t> flags = {1, 0, 1};
  ASSERT_TRUE(write_safetensors(folder_ / "w.safetensors",
                                {{"a.flags", {"BOOL", {3}, bytes_of(flags)}},
                                 {"layer.weight", {"F32", {2, 3}, bytes_of(weight)}},
                                 {"scalar", {"F32", {}, bytes_of(weight).first(4)}},
                                 {"empty", {"I64", {0, 5}, {}}}},
                                {{"method", "dlch"}, {"名前", "割符"}}));
  const auto file = open_safetensors(folder_ / "w.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  const auto& tensors = (*file)->tensors();
  ASSERT_EQ(tensors.size(), 4U);
  EXPECT_THAT(tensors.at("layer.weight").shape, ElementsAre(2, 3));
  EXPECT_EQ(to_floats(tensors.at("layer.weight")), weight);
  EXPECT_THAT(to_floats(tensors.at("a.flags")).value(), ElementsAre(1, 0, 1));
  EXPECT_THAT(to_floats(tensors.at("scalar")).value(), ElementsAre(1));
  EXPECT_TRUE(tensors.at("empty").bytes.empty());
  EXPECT_EQ((*file)->metadata().at("名前"), "割符");
  EXPECT_EQ((*file)->metadata().at("method"), "dlch");
}

TEST_F(Safetensors, TheSameTensorsGiveTheSameAlignedBytes) {
  const std::vector<float> values = {1, 2};
  const std::vector<std::uint8_t> odd = {9};
  const std::map<std::string, TensorToWrite> tensors = {{"a", {"U8", {1}, bytes_of(odd)}},
                                                        {"b", {"F32", {2}, bytes_of(values)}}};
  ASSERT_TRUE(write_safetensors(folder_ / "1", tensors, {{"k", "v"}}));
  ASSERT_TRUE(write_safetensors(folder_ / "2", tensors, {{"k", "v"}}));
  const auto bytes = read_text_file(folder_ / "1", 1000);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(read_text_file(folder_ / "2", 1000), *bytes);
  const std::string header = R"({"__metadata__":{"k":"v"},"a":{"data_offsets":[8,9],"dtype":"U8","shape":[1]},)"
                             R"("b":{"data_offsets":[0,8],"dtype":"F32","shape":[2]}})";
  EXPECT_EQ(bytes->substr(8, header.size()), header);
  EXPECT_EQ((bytes->size() - 9) % 8, 0U);  // the values begin at a multiple of 8
}

TEST_F(Safetensors, TurnsEveryTypeIntoFloats) {
  EXPECT_THAT(floats<std::uint16_t>("F16", {0x3C00, 0x8001, 0x7BFF}), ElementsAre(1, -0x1p-24F, 65504));
  EXPECT_TRUE(std::isinf(floats<std::uint16_t>("F16", {0xFC00})[0]));
  EXPECT_TRUE(std::isnan(floats<std::uint16_t>("F16", {0x7E00})[0]));
  EXPECT_TRUE(std::signbit(floats<std::uint16_t>("F16", {0x8000})[0]));
  EXPECT_THAT(floats<std::uint16_t>("BF16", {0x3F80, 0xC040}), ElementsAre(1, -3));
  EXPECT_THAT(floats<double>("F64", {0.1}), ElementsAre(0.1F));
  EXPECT_THAT(floats<std::int64_t>("I64", {-5}), ElementsAre(-5));
  EXPECT_THAT(floats<std::uint64_t>("U64", {1ULL << 60}), ElementsAre(0x1p60F));
  EXPECT_THAT(floats<std::int32_t>("I32", {-7}), ElementsAre(-7));
  EXPECT_THAT(floats<std::uint32_t>("U32", {4000000000U}), ElementsAre(4000000000.0F));
  EXPECT_THAT(floats<std::int16_t>("I16", {-300}), ElementsAre(-300));
  EXPECT_THAT(floats<std::uint16_t>("U16", {65535}), ElementsAre(65535));
  EXPECT_THAT(floats<std::int8_t>("I8", {-1}), ElementsAre(-1));
  EXPECT_THAT(floats<std::uint8_t>("U8", {255}), ElementsAre(255));
  EXPECT_THAT(floats<std::uint8_t>("BOOL", {0, 2}), ElementsAre(0, 1));
  const std::vector<std::uint8_t> byte = {1};
  EXPECT_EQ(to_floats({"F8_E4M3", {1}, bytes_of(byte)}).error().code, ErrorCode::kIncompatible);
  EXPECT_EQ(to_floats({"F32", {1}, bytes_of(byte)}).error().code, ErrorCode::kInvalidArgument);
}

// Every float16 has the value that IEEE 754 gives it.
TEST(HalfFloat, AgreesWithThePlainDefinitionForAllValues) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = to_floats({"F16", {1}, std::as_bytes(std::span(&half, 1))}).value()[0];
    const int exponent = static_cast<int>(bits >> 10 & 31U);
    const auto fraction = static_cast<float>(bits & 1023U);
    const float sign = bits & 0x8000U ? -1.0F : 1.0F;
    if (exponent == 31 && fraction != 0) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else if (exponent == 31) {
      ASSERT_EQ(value, sign * std::numeric_limits<float>::infinity()) << bits;
    } else {
      ASSERT_EQ(value, sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25)))
          << bits;
    }
  }
}

TEST_F(Safetensors, AcceptsPaddingAfterTheHeader) {
  const auto file = open_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}     )", 2);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->tensors().at("a").bytes.size(), 2U);
}

TEST_F(Safetensors, RefusesHostileHeaders) {
  struct Case {
    std::string header;
    std::size_t value_bytes;
    std::string expected;
  };
  const auto one = [](std::string body) { return R"({"t":{)" + std::move(body) + "}}"; };
  const std::vector<Case> cases = {
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 4, "its shape needs 8 bytes, its data_offsets span 4"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), 4, "do not lie within the 4 bytes"},
      {one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4, "do not lie within"},
      {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 6, "2 bytes after the last tensor"},
      {one(R"("dtype":"F32","shape":[1],"data_offsets":[2,6])"), 6, "a gap before tensor 't'"},
      {one(R"("dtype":"Q4","shape":[1],"data_offsets":[0,4])"), 4, "'Q4' is unknown"},
      {one(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0, "too large to be real"},
      {one(R"("dtype":"U8","shape":[-1],"data_offsets":[0,0])"), 0, "holds -1, not a size"},
      {one(R"("dtype":"U8","shape":[1.5],"data_offsets":[0,1])"), 1, "not a size"},
      {one(R"("dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1])"), 1, "not a size"},
      {one(R"("dtype":"U8","shape":1,"data_offsets":[0,1])"), 1, "has no list 'shape'"},
      {one(R"("dtype":"U8","shape":[1],"data_offsets":[0])"), 1, "do not lie within"},
      {one(R"("dtype":"U8","shape":[1])"), 1, "is not described by"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "tensor 'b' overlaps"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, "the key 'a' occurs twice"},
      {R"({"__metadata__":{"a":1}})", 0, "__metadata__ 'a' is not a string"},
      {R"({"__metadata__":[]})", 0, "__metadata__ is not a JSON object"},
      {R"([1])", 0, "the header is not a JSON object"},
      {"{", 0, "is not JSON"},
      {"{\"a\xFF\":1}", 0, "is not JSON"},
      {R"({"a":{"b":[[1]]}})", 0, "nested more than 3 deep"},
      {"", 0, "is not JSON"},
  };
  for (const Case& c : cases) {
    const auto file = open_header(c.header, c.value_bytes);
    ASSERT_FALSE(file) << c.header;
    EXPECT_EQ(file.error().code, ErrorCode::kBadFormat) << c.header;
    EXPECT_THAT(file.error().message, HasSubstr(c.expected)) << c.header;
    EXPECT_THAT(file.error().message, HasSubstr("x.safetensors: ")) << c.header;
  }
}

TEST_F(Safetensors, DoesNotTrustTheLengthOfTheHeader) {
  EXPECT_THAT(open_bytes("").error().message, HasSubstr("0 bytes"));
  EXPECT_THAT(open_bytes("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}").error().message, HasSubstr("the limit is 100000000"));
  EXPECT_THAT(open_bytes(std::string("\x09\0\0\0\0\0\0\0{}", 10)).error().message, HasSubstr("truncated"));
  EXPECT_EQ(open_safetensors(folder_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(open_safetensors(folder_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Safetensors, WritesNothingThatItWouldNotRead) {
  const std::vector<float> values = {1, 2};
  const auto path = folder_ / "bad.safetensors";
  EXPECT_EQ(write_safetensors(path, {{"a", {"F32", {3}, bytes_of(values)}}}, {}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(write_safetensors(path, {{"a", {"X", {2}, bytes_of(values)}}}, {}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(write_safetensors(path, {{"__metadata__", {"F32", {2}, bytes_of(values)}}}, {}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(write_safetensors(path, {{"\xFF", {"F32", {2}, bytes_of(values)}}}, {}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace warifu
