#include "methods/contrastive/trainer_state.h"

#include <exception>
#include <nlohmann/json.hpp>

#include "io/safetensors.h"

namespace warifu {
namespace {

std::filesystem::path checkpoint_file(const std::filesystem::path& directory) {
  return directory / "checkpoint" / "state.safetensors";
}

void add(NamedTensors& all, const std::string& prefix, const NamedTensors& part) {
  for (const auto& [name, tensor] : part) all[prefix + name] = tensor;
}

NamedTensors part_of(const NamedTensors& all, const std::string& prefix) {
  NamedTensors part;
  for (auto it = all.lower_bound(prefix); it != all.end() && it->first.starts_with(prefix); ++it)
    part[it->first.substr(prefix.size())] = it->second;
  return part;
}

void check_fits(const NamedTensors& from, const torch::nn::Module& module) {
  const auto wanted = named_tensors(module);
  TORCH_CHECK(wanted.size() == from.size(), "tensors of another model");
  for (const auto& [name, tensor] : wanted) {
    const auto found = from.find(name);
    TORCH_CHECK(found != from.end() && found->second.sizes() == tensor.sizes(), "tensor ", name, " of another model");
  }
}

void fill(torch::nn::Module& module, const NamedTensors& from) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) item.value().copy_(from.find(item.key())->second);
  for (auto& item : module.named_buffers()) item.value().copy_(from.find(item.key())->second);
}

}  // namespace

Result<void> save_checkpoint(const std::filesystem::path& directory, const TrainerState& state,
                             const std::string& digest) {
  NamedTensors all;
  add(all, "model.", named_tensors(*state.model));
  add(all, "teacher.", named_tensors(*state.teacher));
  add(all, "best.", named_tensors(*state.best));
  add(all, "adam.", state.adam.state());
  add(all, "bank.", state.bank.state());
  const nlohmann::json progress = {{"epoch", state.epoch},           {"step", state.step},
                                   {"best_epoch", state.best_epoch}, {"best_score", state.best_score},
                                   {"seconds", state.seconds},       {"log", state.log}};
  const auto path = checkpoint_file(directory);
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  if (failure) return fail(ErrorCode::kIo, path.parent_path().string() + ": " + failure.message());
  return save_tensors(path, all, {{"digest", digest}, {"progress", progress.dump()}});
}

bool restore_checkpoint(const std::filesystem::path& directory, const std::string& digest, TrainerState& state) {
  const auto path = checkpoint_file(directory);
  try {
    const auto file = open_safetensors(path);
    if (!file) return false;
    const auto& metadata = (*file)->metadata();
    const auto found = metadata.find("digest");
    const auto progress = metadata.find("progress");
    if (found == metadata.end() || found->second != digest || progress == metadata.end()) return false;
    const auto stated = nlohmann::json::parse(progress->second);
    const auto all = load_tensors(path);
    if (!all) return false;
    const std::pair<const char*, ContrastiveModelImpl*> models[] = {
        {"model.", state.model.get()}, {"teacher.", state.teacher.get()}, {"best.", state.best.get()}};
    for (const auto& [prefix, model] : models) check_fits(part_of(*all, prefix), *model);
    TrainerState restored = state;
    stated.at("epoch").get_to(restored.epoch);
    stated.at("step").get_to(restored.step);
    stated.at("best_epoch").get_to(restored.best_epoch);
    stated.at("best_score").get_to(restored.best_score);
    stated.at("seconds").get_to(restored.seconds);
    stated.at("log").get_to(restored.log);
    restored.bank.restore(part_of(*all, "bank."));
    restored.adam.restore(part_of(*all, "adam."));
    for (const auto& [prefix, model] : models) fill(*model, part_of(*all, prefix));
    state = std::move(restored);
    return true;
  } catch (const std::exception&) {
    return false;  // a damaged checkpoint costs the epochs in it, never the run
  }
}

void remove_checkpoint(const std::filesystem::path& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory / "checkpoint", ignored);
}

}  // namespace warifu
