#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"

namespace warifu {

// Features by key in one NPY file (float32 [n, D], readable with numpy) and a list of keys beside it:
// the cache of a frozen tower's outputs (named by the fingerprint of its weights, keys = content
// hashes), and the features given at ingest (keys = item ids). Append-only.
//
// A crash at any byte leaves every row acknowledged by flush(); a torn tail is cut off on opening.
// One writer; readers see the rows that were there when they opened.
class FeatureStore {
 public:
  virtual ~FeatureStore() = default;
  virtual std::size_t rows() const = 0;
  virtual std::size_t cols() const = 0;  // 0 until the first append
  virtual bool contains(std::string_view key) const = 0;

  // Rows of these keys in this order; kNotFound names the first missing key.
  virtual Result<FloatMatrix> gather(std::span<const std::string> keys) const = 0;

  // keys[i] names features.row(i). A key already there is replaced (its old row is left unused).
  // kIncompatible if the width differs from cols().
  virtual Result<void> append(std::span<const std::string> keys, const FloatMatrix& features) = 0;
  virtual Result<void> flush() = 0;
};

// `base` without extension: "<workspace>/features/mobilenet_v2-<fingerprint>" -> .npy and .keys.
Result<std::unique_ptr<FeatureStore>> open_feature_store(const std::filesystem::path& base);

}  // namespace warifu
