#include "nn/tensor_io.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace warifu {
namespace {

struct StoredType {
  std::string_view name;
  torch::ScalarType type;
};

constexpr std::array kStoredTypes = {
    StoredType{"F32", torch::kFloat32}, StoredType{"F16", torch::kFloat16}, StoredType{"BF16", torch::kBFloat16},
    StoredType{"F64", torch::kFloat64}, StoredType{"I64", torch::kInt64},   StoredType{"I32", torch::kInt32},
    StoredType{"I16", torch::kInt16},   StoredType{"I8", torch::kInt8},     StoredType{"U8", torch::kUInt8},
    StoredType{"BOOL", torch::kBool},
};

std::optional<torch::ScalarType> scalar_type(std::string_view name) {
  for (const StoredType& stored : kStoredTypes) {
    if (stored.name == name) return stored.type;
  }
  return std::nullopt;
}

std::string shape_text(torch::IntArrayRef shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::string in_words(std::string_view name) { return "tensor '" + std::string(name) + "'"; }

// Product of the shape, or nothing if negative or beyond what `limit` allows: a hostile shape must
// not reach an allocation.
std::optional<std::uint64_t> checked_elements(std::span<const std::int64_t> shape, std::uint64_t limit) {
  std::uint64_t elements = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(elements, static_cast<std::uint64_t>(size), &elements)) return std::nullopt;
  }
  if (elements > limit) return std::nullopt;
  return elements;
}

// The tensor as float32 with only finite numbers in it.
Result<torch::Tensor> finite_floats(std::string_view name, const TensorView& view) {
  auto stored = to_tensor(name, view);
  if (!stored) return stored;
  if (!stored->is_floating_point()) {
    return fail(ErrorCode::kBadFormat,
                in_words(name) + ": type " + view.dtype + ", expected floats (F32, F16 or BF16)");
  }
  auto floats = stored->to(torch::kFloat32);
  if (!torch::isfinite(floats).all().item<bool>()) {
    return fail(ErrorCode::kBadFormat, in_words(name) + ": holds NaN or infinity",
                "the weights are damaged or training diverged; take another file");
  }
  return floats;
}

Error wrong_shape(std::string_view name, torch::IntArrayRef found, torch::IntArrayRef expected) {
  return Error{ErrorCode::kIncompatible,
               in_words(name) + ": shape " + shape_text(found) + ", expected " + shape_text(expected),
               "these weights belong to another model"};
}

// `tensor` in the form in which it is stored, on the CPU and dense.
std::pair<std::string, torch::Tensor> storable(const torch::Tensor& tensor) {
  const auto dense = [&](torch::ScalarType type) { return tensor.detach().to(torch::kCPU, type).contiguous(); };
  if (tensor.is_floating_point()) return {"F32", dense(torch::kFloat32)};
  if (tensor.scalar_type() == torch::kBool) return {"BOOL", dense(torch::kBool)};
  if (tensor.scalar_type() == torch::kUInt8) return {"U8", dense(torch::kUInt8)};
  return {"I64", dense(torch::kInt64)};
}

// The value of `file` for one parameter or buffer of a module.
Result<torch::Tensor> fitting_tensor(const SafetensorsFile& file, std::string_view name, const torch::Tensor& wanted) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) {
    return fail(ErrorCode::kIncompatible, in_words(name) + ": missing", "these weights belong to another model");
  }
  auto value = wanted.is_floating_point() ? finite_floats(name, found->second) : to_tensor(name, found->second);
  if (!value) return value;
  if (value->sizes() != wanted.sizes()) return Fail(wrong_shape(name, value->sizes(), wanted.sizes()));
  return value;
}

}  // namespace

Result<torch::Tensor> to_tensor(std::string_view name, const TensorView& view) {
  const auto type = scalar_type(view.dtype);
  if (!type) return fail(ErrorCode::kBadFormat, in_words(name) + ": unknown type '" + view.dtype + "'");
  const auto elements = checked_elements(view.shape, view.bytes.size());
  if (!elements || *elements * torch::elementSize(*type) != view.bytes.size()) {
    return fail(ErrorCode::kBadFormat, in_words(name) + ": " + std::to_string(view.bytes.size()) + " bytes for " +
                                           view.dtype + " of shape " + shape_text(view.shape));
  }
  auto tensor = torch::empty(view.shape, *type);
  if (!view.bytes.empty()) std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

Result<torch::Tensor> read_weight(const SafetensorsFile& file, std::string_view name, torch::IntArrayRef shape) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) {
    return fail(ErrorCode::kIncompatible, in_words(name) + ": missing", "these weights belong to another model");
  }
  if (torch::IntArrayRef(found->second.shape) != shape) return Fail(wrong_shape(name, found->second.shape, shape));
  return finite_floats(name, found->second);
}

Result<void> save_tensors(const std::filesystem::path& path, const NamedTensors& tensors,
                          const std::map<std::string, std::string>& metadata) {
  std::vector<torch::Tensor> kept;  // owns the bytes until they are written
  std::map<std::string, TensorToWrite> to_write;
  for (const auto& [name, tensor] : tensors) {
    auto [dtype, dense] = storable(tensor);
    const auto* bytes = static_cast<const std::byte*>(dense.data_ptr());
    to_write[name] = {std::move(dtype), dense.sizes().vec(), {bytes, dense.nbytes()}};
    kept.push_back(std::move(dense));
  }
  return write_safetensors(path, to_write, metadata);
}

Result<NamedTensors> load_tensors(const SafetensorsFile& file) {
  NamedTensors tensors;
  for (const auto& [name, view] : file.tensors()) {
    auto tensor = to_tensor(name, view);
    if (!tensor) return Fail(tensor.error());
    tensors.emplace(name, *std::move(tensor));
  }
  return tensors;
}

Result<NamedTensors> load_tensors(const std::filesystem::path& path) {
  const auto file = open_safetensors(path);
  if (!file) return Fail(file.error());
  auto tensors = load_tensors(**file);
  if (!tensors) return with_context(path.string(), tensors.error());
  return tensors;
}

NamedTensors named_tensors(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& entry : module.named_parameters()) tensors.emplace(entry.key(), entry.value());
  for (const auto& entry : module.named_buffers()) tensors.emplace(entry.key(), entry.value());
  return tensors;
}

Result<void> save_module(const std::filesystem::path& path, const torch::nn::Module& module,
                         const std::map<std::string, std::string>& metadata) {
  return save_tensors(path, named_tensors(module), metadata);
}

Result<void> load_module(const SafetensorsFile& file, torch::nn::Module& module, std::string_view prefix,
                         std::span<const std::string_view> ignored) {
  const NamedTensors wanted = named_tensors(module);
  for (const auto& [name, view] : file.tensors()) {
    if (std::ranges::any_of(ignored, [&](std::string_view beginning) { return name.starts_with(beginning); })) continue;
    if (name.starts_with(prefix) && !wanted.contains(std::string_view(name).substr(prefix.size()))) {
      return fail(ErrorCode::kIncompatible, in_words(name) + ": unexpected", "these weights belong to another model");
    }
  }
  std::vector<std::pair<torch::Tensor, torch::Tensor>> copies;  // from, to
  for (const auto& [name, to] : wanted) {
    auto from = fitting_tensor(file, std::string(prefix) + name, to);
    if (!from) return Fail(from.error());
    copies.emplace_back(*std::move(from), to);
  }
  const torch::NoGradGuard no_grad;
  for (auto& [from, to] : copies) to.copy_(from);
  return {};
}

Result<void> load_module(const std::filesystem::path& path, torch::nn::Module& module) {
  const auto file = open_safetensors(path);
  if (!file) return Fail(file.error());
  if (auto loaded = load_module(**file, module); !loaded) return with_context(path.string(), loaded.error());
  return {};
}

torch::Tensor to_tensor(const FloatMatrix& matrix) {
  auto tensor = torch::empty({static_cast<std::int64_t>(matrix.rows()), static_cast<std::int64_t>(matrix.cols())});
  if (!matrix.empty()) std::memcpy(tensor.data_ptr(), matrix.values().data(), matrix.values().size_bytes());
  return tensor;
}

FloatMatrix to_float_matrix(const torch::Tensor& rows) {
  TORCH_CHECK(rows.dim() == 2, "a matrix has two dimensions, got ", rows.sizes());
  const auto dense = rows.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  FloatMatrix matrix(static_cast<std::size_t>(dense.size(0)), static_cast<std::size_t>(dense.size(1)));
  if (!matrix.empty()) std::memcpy(matrix.values().data(), dense.data_ptr(), matrix.values().size_bytes());
  return matrix;
}

}  // namespace warifu
