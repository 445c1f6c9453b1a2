#include "methods/checkpoint.h"

#include <algorithm>
#include <system_error>

#include "io/safetensors.h"

namespace warifu {
namespace {

std::filesystem::path checkpoint_file(const std::filesystem::path& directory) {
  return directory / "checkpoint" / "state.safetensors";
}

}  // namespace

Result<void> save_checkpoint(const std::filesystem::path& directory, const Checkpoint& checkpoint,
                             const std::string& digest) {
  const auto path = checkpoint_file(directory);
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  if (failure) return fail(ErrorCode::kIo, path.parent_path().string() + ": " + failure.message());
  return save_tensors(path, checkpoint.tensors, {{"digest", digest}, {"progress", checkpoint.progress}});
}

std::optional<Checkpoint> read_checkpoint(const std::filesystem::path& directory, const std::string& digest) {
  const auto file = open_safetensors(checkpoint_file(directory));
  if (!file) return std::nullopt;
  const auto& metadata = (*file)->metadata();
  const auto found = metadata.find("digest");
  const auto progress = metadata.find("progress");
  if (found == metadata.end() || found->second != digest || progress == metadata.end()) return std::nullopt;
  auto tensors = load_tensors(**file);
  if (!tensors) return std::nullopt;
  return Checkpoint{std::move(*tensors), progress->second};
}

void remove_checkpoint(const std::filesystem::path& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory / "checkpoint", ignored);
}

void add_tensors(NamedTensors& all, const std::string& prefix, const NamedTensors& part) {
  for (const auto& [name, tensor] : part) all[prefix + name] = tensor;
}

NamedTensors tensors_under(const NamedTensors& all, const std::string& prefix) {
  NamedTensors part;
  for (auto it = all.lower_bound(prefix); it != all.end() && it->first.starts_with(prefix); ++it)
    part[it->first.substr(prefix.size())] = it->second;
  return part;
}

bool same_layout(const NamedTensors& a, const NamedTensors& b) {
  return std::ranges::equal(a, b, [](const auto& left, const auto& right) {
    return left.first == right.first && left.second.sizes() == right.second.sizes() &&
           left.second.scalar_type() == right.second.scalar_type();
  });
}

void fill_module(torch::nn::Module& module, const NamedTensors& from) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : named_tensors(module)) torch::Tensor(tensor).copy_(from.find(name)->second);
}

}  // namespace warifu
