#include "io/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <limits>
#include <string>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "io/npy_header.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Npy : public testing::Test {
 protected:
  ~Npy() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path save(std::string_view bytes, bool compressed = false) {
    const auto path = folder_ / ("array" + std::to_string(++count_) + (compressed ? ".npy.gz" : ".npy"));
    if (!compressed) {
      EXPECT_TRUE(write_file_atomically(path, bytes));
      return path;
    }
    const gzFile file = ::gzopen(path.c_str(), "wb");
    EXPECT_EQ(::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
    EXPECT_EQ(::gzclose(file), Z_OK);
    return path;
  }

  std::filesystem::path folder_ = fresh_folder();
  int count_ = 0;
};

// A file of version 1 … 3 with this dictionary, unpadded as other writers make it.
std::string npy_bytes(std::string_view dictionary, std::string_view values, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  const auto length = dictionary.size();
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFF);
  return bytes.append(dictionary).append(values);
}

std::string dictionary(std::string_view descr, std::string_view shape, bool fortran = false) {
  return "{'descr': '" + std::string(descr) + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + std::string(shape) + ", }\n";
}

template <typename T>
std::string raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

std::vector<float> values_of(const Result<FloatMatrix>& matrix) {
  if (!matrix) {
    ADD_FAILURE() << matrix.error().message;
    return {};
  }
  return {matrix->values().begin(), matrix->values().end()};
}

TEST_F(Npy, ReadsBackWhatItWrote) {
  const FloatMatrix matrix(2, 3, {1, -2, 3.5F, 0, 1e-40F, std::numeric_limits<float>::infinity()});
  ASSERT_TRUE(write_npy(folder_ / "m.npy", matrix));
  const auto back = read_npy_matrix(folder_ / "m.npy");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->rows(), 2U);
  EXPECT_EQ(back->cols(), 3U);
  EXPECT_EQ(values_of(back), std::vector<float>(matrix.values().begin(), matrix.values().end()));
}

TEST_F(Npy, WritesCodesAsNumpyDoes) {
  const std::vector<std::uint8_t> codes = {0, 255, 7, 8};
  ASSERT_TRUE(write_npy_u8(folder_ / "codes.npy", codes, 2, 2));
  const auto bytes = read_text_file(folder_ / "codes.npy", 1000);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size(), 128U + 4U);  // the values begin at a multiple of 64
  EXPECT_EQ(bytes->substr(0, 10), std::string_view("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(*bytes, HasSubstr("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }"));
  EXPECT_EQ((*bytes)[127], '\n');
  EXPECT_THAT(values_of(read_npy_matrix(folder_ / "codes.npy")), ElementsAre(0, 255, 7, 8));
  EXPECT_EQ(write_npy_u8(folder_ / "codes.npy", codes, 3, 2).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Npy, ReadsEveryNumericTypeInBothByteOrders) {
  struct Case {
    std::string_view descr;
    std::string values;
    std::vector<float> expected;
  };
  const std::vector<Case> cases = {
      {"|b1", raw<std::uint8_t>({0, 1}), {0, 1}},
      {"|u1", raw<std::uint8_t>({0, 200}), {0, 200}},
      {"|i1", raw<std::int8_t>({-128, 127}), {-128, 127}},
      {"<u2", raw<std::uint16_t>({1, 65535}), {1, 65535}},
      {">u2", std::string("\x01\x02\xFF\x00", 4), {258, 65280}},
      {"<i2", raw<std::int16_t>({-3, 4}), {-3, 4}},
      {"<u4", raw<std::uint32_t>({1, 1U << 31}), {1, 2147483648.0F}},
      {"<i4", raw<std::int32_t>({-70000, 5}), {-70000, 5}},
      {">i4", std::string("\xFF\xFF\xFF\xFE\x00\x00\x01\x00", 8), {-2, 256}},
      {"<u8", raw<std::uint64_t>({1, 1ULL << 40}), {1, 1099511627776.0F}},
      {"<i8", raw<std::int64_t>({-9, 9}), {-9, 9}},
      {"<f2", raw<std::uint16_t>({0x3C00, 0xC500}), {1, -5}},
      {">f2", std::string("\x3C\x00\x00\x01", 4), {1, 0x1p-24F}},
      {"<f4", raw<float>({0.25F, -1}), {0.25F, -1}},
      {">f4", std::string("\x3F\x80\x00\x00\xC0\x00\x00\x00", 8), {1, -2}},
      {"<f8", raw<double>({0.5, 1e300}), {0.5F, std::numeric_limits<float>::infinity()}},
      {"=f8", raw<double>({2, 3}), {2, 3}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(values_of(read_npy_matrix(save(npy_bytes(dictionary(c.descr, "(2,)"), c.values)))), c.expected)
        << c.descr;
    EXPECT_EQ(values_of(read_npy_matrix(save(npy_bytes(dictionary(c.descr, "(1, 2)"), c.values, 2), true))), c.expected)
        << c.descr;
  }
}

TEST_F(Npy, ReadsEveryVersionAndKeyOrder) {
  const auto values = raw<float>({1, 2});
  for (const int version : {1, 2, 3})
    EXPECT_THAT(values_of(read_npy_matrix(save(npy_bytes(dictionary("<f4", "(2, 1)"), values, version)))),
                ElementsAre(1, 2));
  const std::string odd = R"({"shape":(1,2),"fortran_order":False,"descr":"<f4"})";
  EXPECT_THAT(values_of(read_npy_matrix(save(npy_bytes(odd, values)))), ElementsAre(1, 2));
  EXPECT_THAT(values_of(read_npy_matrix(save(npy_bytes(dictionary("<f4", "(2L,)"), values)))), ElementsAre(1, 2));
  EXPECT_EQ(open_npy(save(npy_bytes(dictionary("<f4", "(2,)"), values, 4))).error().code, ErrorCode::kBadFormat);
}

TEST_F(Npy, TurnsFortranOrderIntoRowsPlainAndCompressed) {
  // columns lie one after the other: [[1, 4], [2, 5], [3, 6]]
  const auto bytes = npy_bytes(dictionary("<i2", "(3, 2)", true), raw<std::int16_t>({1, 2, 3, 4, 5, 6}));
  for (const bool compressed : {false, true}) {
    const auto path = save(bytes, compressed);
    EXPECT_THAT(values_of(read_npy_matrix(path)), ElementsAre(1, 4, 2, 5, 3, 6));
    auto reader = open_npy(path);
    ASSERT_TRUE(reader) << reader.error().message;
    FloatMatrix one(1, 2);
    for (const float first : {1.0F, 2.0F, 3.0F}) {
      EXPECT_EQ((*reader)->read(one), 1U);
      EXPECT_THAT(one.values(), ElementsAre(first, first + 3));
    }
    EXPECT_EQ((*reader)->read(one), 0U);
  }
}

TEST_F(Npy, GivesALargeFileInPartsThatJoinToTheWhole) {
  // wider than one block of columns in Fortran order: 4,099 rows x 3,000
  std::string bytes = npy_bytes(dictionary("|u1", "(4099, 3000)", true), "");
  for (std::size_t i = 0; i < std::size_t{4099} * 3000; ++i) bytes += static_cast<char>(i % 251);
  auto reader = open_npy(save(bytes));
  ASSERT_TRUE(reader) << reader.error().message;
  FloatMatrix part(1000, 3000);
  std::size_t row = 0;
  for (;;) {
    const auto got = (*reader)->read(part);
    ASSERT_TRUE(got) << got.error().message;
    if (*got == 0) break;
    for (std::size_t i = 0; i < *got; i += 97)
      EXPECT_EQ(part.row(i)[2999], static_cast<float>((2999UL * 4099 + row + i) % 251));
    row += *got;
  }
  EXPECT_EQ(row, 4099U);
}

TEST_F(Npy, RefusesAMatrixOfAnotherWidth) {
  auto reader = open_npy(save(npy_bytes(dictionary("<f4", "(1, 2)"), raw<float>({1, 2}))));
  ASSERT_TRUE(reader);
  FloatMatrix narrow(1, 1);
  EXPECT_EQ((*reader)->read(narrow).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Npy, SaysHowMuchIsMissingFromATruncatedFile) {
  const auto bytes = npy_bytes(dictionary("<f4", "(3, 2)"), raw<float>({1, 2, 3}));
  const auto plain = open_npy(save(bytes));
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(plain.error().message,
              HasSubstr("array1.npy: truncated: shape [3, 2] of f4 needs 24 bytes, there are 12"));
  const auto compressed = read_npy_matrix(save(bytes, true));
  ASSERT_FALSE(compressed);
  EXPECT_THAT(compressed.error().message, HasSubstr("needs 24 bytes, there are 12"));
  const auto fortran = npy_bytes(dictionary("<f4", "(3, 2)", true), raw<float>({1, 2, 3}));
  EXPECT_EQ(open_npy(save(fortran)).error().code, ErrorCode::kBadFormat);
  EXPECT_EQ(open_npy(save(fortran, true)).error().code, ErrorCode::kBadFormat);
}

TEST_F(Npy, NoticesThatACompressedFileWasCut) {
  std::string values;
  std::uint32_t x = 1;
  for (int i = 0; i < 40000; ++i) values += static_cast<char>((x = x * 1664525U + 1013904223U) >> 24);
  const auto path = save(npy_bytes(dictionary("|u1", "(40000,)"), values), true);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const auto matrix = read_npy_matrix(path);
  ASSERT_FALSE(matrix);
  EXPECT_EQ(matrix.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(matrix.error().message, HasSubstr("the compressed data ends too early"));
}

TEST_F(Npy, RefusesHostileHeadersBeforeAllocating) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {dictionary("<f4", "(4294967296, 4294967296)"), "columns are 1 to"},
      {dictionary("<f8", "(9223372036854775807, 16777216)"), "too large to be real"},
      {dictionary("<f4", "(99999999999999999999, 2)"), "a size that fits 64 bits"},
      {dictionary("<f4", "(-1, 2)"), "a size that fits 64 bits"},
      {dictionary("<f4", "(2, 2, 2)"), "has 3 dimensions"},
      {dictionary("<f4", "()"), "has 0 dimensions"},
      {dictionary("<f4", "(5, 0)"), "columns are 1 to"},
      {dictionary("|O", "(2,)"), "'|O' are not numbers"},
      {dictionary("<U8", "(2,)"), "are not numbers"},
      {dictionary("<c8", "(2,)"), "are not numbers"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "record"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "one each of"},
      {"{'descr': '<f4', 'shape': (1,)}", "one each of"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "True or False"},
      {"{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': (1,)}", "True or False"},
      {"{'descr': '<f4", "a closing quote"},
      {"", "'{'"},
  };
  for (const auto& [header, expected] : cases) {
    const auto opened = open_npy(save(npy_bytes(header, "12345678")));
    ASSERT_FALSE(opened) << header;
    EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat) << header;
    EXPECT_THAT(opened.error().message, HasSubstr(expected)) << header;
  }
}

TEST_F(Npy, DoesNotTrustTheLengthOfTheHeader) {
  EXPECT_THAT(open_npy(save(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{", 13))).error().message,
              HasSubstr("4294967295 bytes, the limit is 65536"));
  EXPECT_THAT(open_npy(save(std::string("\x93NUMPY\x01\x00\xFF\x00{", 11))).error().message,
              HasSubstr("truncated within the NPY header"));
  EXPECT_THAT(open_npy(save("")).error().message, HasSubstr("is not an NPY array"));
  EXPECT_THAT(open_npy(save("PK\x03\x04 some zip file")).error().message, HasSubstr("is not an NPY array"));
}

TEST_F(Npy, SaysWhatCannotBeOpened) {
  EXPECT_EQ(open_npy(folder_ / "none.npy").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(open_npy(folder_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Npy, AnEmptyArrayHasNoRows) {
  const auto matrix = read_npy_matrix(save(npy_bytes(dictionary("<f4", "(0, 7)"), "")));
  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_EQ(matrix->rows(), 0U);
  EXPECT_EQ(matrix->cols(), 7U);
}

}  // namespace
}  // namespace warifu
