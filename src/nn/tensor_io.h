#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/float_matrix.h"
#include "io/safetensors.h"

namespace warifu {

using NamedTensors = std::map<std::string, torch::Tensor, std::less<>>;

// --- safetensors ---

// A copy of a stored tensor in its own type (F16, BF16, F32, F64, I64, I32, U8, BOOL).
// kBadFormat names the tensor: unknown type, or bytes that do not fit its shape.
Result<torch::Tensor> to_tensor(std::string_view name, const TensorView& view);

// The tensor `name` of a weights file as float32 of exactly `shape`; every number finite.
// kIncompatible: missing or of another shape; kBadFormat: NaN, infinity or no float type.
Result<torch::Tensor> read_weight(const SafetensorsFile& file, std::string_view name, torch::IntArrayRef shape);

// Atomic. Floats are written as F32, integers as I64, bool as BOOL, uint8 as U8.
Result<void> save_tensors(const std::filesystem::path& path, const NamedTensors& tensors,
                          const std::map<std::string, std::string>& metadata = {});
Result<NamedTensors> load_tensors(const SafetensorsFile& file);
Result<NamedTensors> load_tensors(const std::filesystem::path& path);

// Parameters and buffers of a module by their names, from and to any device.
NamedTensors named_tensors(const torch::nn::Module& module);
Result<void> save_module(const std::filesystem::path& path, const torch::nn::Module& module,
                         const std::map<std::string, std::string>& metadata = {});

// Fills `module` with the tensors of `file` whose names start with `prefix` ("" : all of them) and
// with none of `ignored`.
// kIncompatible, naming the tensor: missing, unexpected, wrong shape; kBadFormat: not finite.
// Nothing is changed unless everything fits.
Result<void> load_module(const SafetensorsFile& file, torch::nn::Module& module, std::string_view prefix = "",
                         std::span<const std::string_view> ignored = {});
Result<void> load_module(const std::filesystem::path& path, torch::nn::Module& module);

// --- matrices ---

torch::Tensor to_tensor(const FloatMatrix& matrix);      // float32 [rows, cols], a copy
FloatMatrix to_float_matrix(const torch::Tensor& rows);  // [rows, cols] of any float type and device

}  // namespace warifu
