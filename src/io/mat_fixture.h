#pragma once

#include <gtest/gtest.h>
#include <matio.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/mat_reader.h"

namespace warifu {

// Writes tiny MATLAB files with libmatio.
class MatWriter {
 public:
  MatWriter(const std::filesystem::path& path, mat_ft version = MAT_FT_MAT5,
            matio_compression compression = MAT_COMPRESSION_ZLIB)
      : file_(Mat_CreateVer(path.c_str(), nullptr, version)), compression_(compression) {
    EXPECT_NE(file_, nullptr);
  }
  MatWriter(const MatWriter&) = delete;
  MatWriter& operator=(const MatWriter&) = delete;
  ~MatWriter() { Mat_Close(file_); }

  // `values` in MATLAB's order: column by column.
  MatWriter& doubles(const char* name, std::vector<std::size_t> dims, std::vector<double> values) {
    return write(Mat_VarCreate(name, MAT_C_DOUBLE, MAT_T_DOUBLE, int(dims.size()), dims.data(), values.data(), 0));
  }
  MatWriter& bytes(const char* name, std::vector<std::size_t> dims, std::vector<std::uint8_t> values) {
    return write(Mat_VarCreate(name, MAT_C_UINT8, MAT_T_UINT8, int(dims.size()), dims.data(), values.data(), 0));
  }
  MatWriter& logical(const char* name, std::vector<std::size_t> dims, std::vector<std::uint8_t> values) {
    return write(
        Mat_VarCreate(name, MAT_C_UINT8, MAT_T_UINT8, int(dims.size()), dims.data(), values.data(), MAT_F_LOGICAL));
  }
  MatWriter& texts(const char* name, const std::vector<std::string>& values) {
    std::vector<matvar_t*> elements;
    for (const std::string& value : values) elements.push_back(text(value));
    elements.push_back(nullptr);
    std::size_t dims[2] = {values.size(), 1};
    return write(Mat_VarCreate(name, MAT_C_CELL, MAT_T_CELL, 2, dims, elements.data(), 0));
  }
  // Lines of equal length.
  MatWriter& lines(const char* name, const std::vector<std::string>& values) {
    std::size_t dims[2] = {values.size(), values[0].size()};
    std::string columns;
    for (std::size_t c = 0; c < dims[1]; ++c)
      for (const std::string& value : values) columns += value[c];
    return write(Mat_VarCreate(name, MAT_C_CHAR, MAT_T_UINT8, 2, dims, columns.data(), 0));
  }
  MatWriter& utf16_line(const char* name, std::u16string value) {
    std::size_t dims[2] = {1, value.size()};
    return write(Mat_VarCreate(name, MAT_C_CHAR, MAT_T_UINT16, 2, dims, value.data(), 0));
  }
  // A cell of cells: several texts an item.
  MatWriter& text_lists(const char* name, const std::vector<std::vector<std::string>>& values) {
    std::vector<matvar_t*> items;
    for (const auto& texts : values) {
      std::vector<matvar_t*> inner;
      for (const std::string& value : texts) inner.push_back(text(value));
      std::size_t inner_dims[2] = {1, inner.size()};
      items.push_back(Mat_VarCreate(nullptr, MAT_C_CELL, MAT_T_CELL, 2, inner_dims, inner.data(), 0));
    }
    std::size_t dims[2] = {1, values.size()};
    return write(Mat_VarCreate(name, MAT_C_CELL, MAT_T_CELL, 2, dims, items.data(), 0));
  }
  // 4 x 3 with 5 at (1, 0), 7 at (3, 0), 9 at (0, 2).
  MatWriter& sparse(const char* name) {
    mat_uint32_t rows[] = {1, 3, 0}, columns[] = {0, 2, 2, 3};
    double values[] = {5, 7, 9};
    mat_sparse_t matrix{3, rows, 3, columns, 4, 3, values};
    std::size_t dims[2] = {4, 3};
    return write(Mat_VarCreate(name, MAT_C_SPARSE, MAT_T_DOUBLE, 2, dims, &matrix, 0));
  }

 private:
  static matvar_t* text(const std::string& value) {
    std::size_t dims[2] = {value.empty() ? 0U : 1U, value.size()};
    return Mat_VarCreate(nullptr, MAT_C_CHAR, MAT_T_UTF8, 2, dims, const_cast<char*>(value.data()), 0);
  }
  MatWriter& write(matvar_t* variable) {
    EXPECT_NE(variable, nullptr);
    EXPECT_EQ(Mat_VarWrite(file_, variable, compression_), 0);
    Mat_VarFree(variable);
    return *this;
  }

  mat_t* file_;
  matio_compression compression_;
};

// A folder of its own for each test, and what the reader gives of it.
class MatTest : public testing::Test {
 protected:
  MatTest() { std::filesystem::create_directories(folder_); }
  ~MatTest() override { std::filesystem::remove_all(folder_); }

  struct Given {
    std::vector<Record> records;
    std::vector<Rejection> rejections;
  };
  static Given read(const std::filesystem::path& path, const SourceOptions& options = {}) {
    Given given;
    auto reader = open_mat(path, options);
    EXPECT_TRUE(reader) << reader.error().message;
    if (!reader) return given;
    while (auto entry = (*reader)->next()) {
      if (*entry)
        given.records.push_back(std::move(**entry));
      else
        given.rejections.push_back(std::move(entry->error()));
    }
    return given;
  }

  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  static std::string content(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("warifu_mat_" + std::to_string(getpid()));
};

}  // namespace warifu
