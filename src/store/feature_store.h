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
// <base>.npy   128 bytes of header, then rows. Its count is that of the last flush, or less after a crash.
// <base>.keys  one line a row: key, tab, CRC-32C of row number (8 bytes, little-endian) and key in hex.
//
// A crash at any byte leaves every row acknowledged by flush(): a line counts only if its sum is right
// and its row is whole, and what follows the first that is not is cut off by the next append().
//
// One writer: the first append() takes an flock on the keys (kUnavailable if somebody has it) and keeps
// it until the object is destroyed; it then also sees what others wrote since. Readers see the rows
// that were there when they opened. One object belongs to one thread at a time, but const calls may
// run concurrently with each other. Besides what is named below every call may be kIo.
class FeatureStore {
 public:
  virtual ~FeatureStore() = default;
  virtual std::size_t rows() const = 0;  // keys; replaced rows do not count
  virtual std::size_t cols() const = 0;  // 0 until the first append
  virtual bool contains(std::string_view key) const = 0;

  // Rows of these keys in this order; kNotFound names the first missing key.
  virtual Result<FloatMatrix> gather(std::span<const std::string> keys) const = 0;

  // keys[i] names features.row(i). A key already there is replaced (its old row is left unused), of
  // a key given twice the later row counts. Visible to this object at once, durable after flush().
  // kIncompatible if the width differs from cols(); kInvalidArgument if a key is empty, holds a line
  // break or has more than 64 KiB, or the numbers of keys and rows differ; nothing is added then.
  virtual Result<void> append(std::span<const std::string> keys, const FloatMatrix& features) = 0;
  virtual Result<void> flush() = 0;  // after an error the store must be opened again
};

// `base` without extension: "<workspace>/features/mobilenet_v2-<fingerprint>" -> .npy and .keys. Nothing
// is created (nor its folder) before the first append(). kBadFormat if the .npy was not made here.
Result<std::unique_ptr<FeatureStore>> open_feature_store(const std::filesystem::path& base);

}  // namespace warifu
