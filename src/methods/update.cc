#include "methods/update.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <optional>

#include "base/join.h"
#include "methods/dlch/dlch.h"
#include "methods/space_model.h"

namespace warifu {
namespace {

struct Updater {
  std::string_view name;
  Result<UpdateReport> (*update)(const std::filesystem::path&, const SpaceModel&, const TrainingSet&,
                                 const UpdateOptions&, const std::filesystem::path&, ProgressSink&);
};

// To let a method be updated: a line here.
constexpr std::array kUpdaters = {Updater{"dlch", update_dlch}};

Result<const Updater*> find_updater(std::string_view method) {
  for (const Updater& updater : kUpdaters)
    if (updater.name == method) return &updater;
  return fail(ErrorCode::kInvalidArgument,
              "a space of method " + std::string(method) + " cannot be updated: its old codes would have to change",
              "methods that can: " + join(kUpdaters, [](const Updater& one) { return std::string(one.name); }) +
                  "; train with --method dlch --only-labels FIRST,CATEGORIES");
}

// The generation in "NAME.g3.safetensors", 1 of "NAME.safetensors"; nothing of other files.
std::optional<std::uint32_t> generation_of(const std::filesystem::path& file) {
  if (file.extension() != ".safetensors") return std::nullopt;
  const std::string stem = file.stem().string();
  if (stem == "model" || stem == "sums") return 1;
  const auto dot = stem.rfind(".g");
  if (dot == std::string::npos) return std::nullopt;
  std::uint32_t generation = 0;
  const auto [end, failure] = std::from_chars(stem.data() + dot + 2, stem.data() + stem.size(), generation);
  if (failure != std::errc() || end != stem.data() + stem.size()) return std::nullopt;
  return generation;
}

}  // namespace

Result<void> check_updates(std::string_view method) {
  const auto found = find_updater(method);
  if (!found) return std::unexpected(found.error());
  return {};
}

Result<std::vector<std::string>> space_labels(const std::filesystem::path& directory) {
  auto model = read_space_model(directory);
  if (!model) return std::unexpected(model.error());
  return std::move(model->labels);
}

Result<UpdateReport> update_space(const std::filesystem::path& directory, const TrainingSet& set,
                                  const UpdateOptions& options, const std::filesystem::path& next,
                                  ProgressSink& progress) {
  const auto model = read_space_model(directory);
  if (!model) return std::unexpected(model.error());
  const auto updater = find_updater(model->method);
  if (!updater) return std::unexpected(updater.error());
  const std::size_t items = set.labels.size();
  if (set.train.empty() || std::ranges::any_of(set.train, [&](std::size_t position) { return position >= items; }))
    return fail(ErrorCode::kInvalidArgument, "no pair to learn new categories from",
                "see 'warifu status': an update learns from train items that have a picture and a text");
  if (set.image.features.rows() != items || set.text.features.rows() != items)
    return fail(ErrorCode::kInvalidArgument, "an update wants features and labels of every item");
  try {
    std::filesystem::create_directories(next);
    return (*updater)->update(directory, *model, set, options, next, progress);
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(ErrorCode::kIo, next.string() + ": " + error.code().message());
  } catch (const c10::Error& error) {
    return fail(ErrorCode::kInternal, "updating " + directory.string() + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal, "updating " + directory.string() + ": " + error.what());
  }
}

Result<std::vector<std::string>> generation_files(const std::filesystem::path& next) {
  const auto model = read_space_model(next);
  if (!model) return std::unexpected(model.error());
  std::vector<std::string> files;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(next, failure))
    if (generation_of(entry.path().filename()) == model->generation) files.push_back(entry.path().filename().string());
  if (failure) return fail(ErrorCode::kIo, next.string() + ": " + failure.message());
  std::ranges::sort(files);
  files.emplace_back(kModelFile);
  return files;
}

Result<void> remove_superseded(const std::filesystem::path& directory) {
  const auto model = read_space_model(directory);
  if (!model) return std::unexpected(model.error());
  std::vector<std::filesystem::path> old;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    const auto generation = generation_of(entry.path().filename());
    if (generation && *generation + 1 < model->generation) old.push_back(entry.path());
  }
  for (const auto& file : old) std::filesystem::remove(file, failure);
  return {};
}

}  // namespace warifu
