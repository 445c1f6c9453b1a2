#include "methods/space_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/file.h"
#include "base/hash.h"
#include "nn/clip_settings.h"

namespace warifu {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "warifu-space";
constexpr int kFormatVersion = 1;
constexpr std::size_t kMaxModelBytes = std::size_t{1} << 20;

std::string fingerprint_of(const SpaceModel& model) {
  json parts = {model.method, model.first_weights_hash};
  for (const SpaceTower* tower : {&model.image, &model.text}) {
    parts.push_back({tower->name, tower->width, tower->weights_hash, tower->vocabulary_hash});
    if (!tower->settings.empty()) parts.push_back(tower->settings_hash);
    if (tower->parts > 0) parts.push_back(tower->parts);
  }
  if (!model.caveat.empty()) parts.push_back(model.caveat);
  return content_hash(std::string_view(parts.dump()));
}

Result<std::string> bring(const std::filesystem::path& source, const std::filesystem::path& to) {
  std::error_code failure;
  // A hard link to a symbolic link would be one more of those, and could point to nothing.
  const auto from = std::filesystem::canonical(source, failure);
  if (failure) return fail(ErrorCode::kNotFound, source.string() + ": " + failure.message());
  if (std::filesystem::equivalent(from, to, failure)) return file_hash(to);
  std::filesystem::remove(to, failure);
  std::filesystem::create_hard_link(from, to, failure);
  if (failure) {
    failure.clear();
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing, failure);
  }
  if (failure) return fail(ErrorCode::kIo, from.string() + ": " + failure.message());
  return file_hash(to);
}

json to_json(const SpaceTower& tower) {
  json value = {{"name", tower.name},
                {"width", tower.width},
                {"weights", tower.weights},
                {"weights_hash", tower.weights_hash},
                {"settings", tower.settings},
                {"settings_hash", tower.settings_hash},
                {"vocabulary", tower.vocabulary},
                {"vocabulary_hash", tower.vocabulary_hash}};
  if (tower.parts > 0) value["parts"] = tower.parts;
  return value;
}

SpaceTower tower_from(const json& value) {
  SpaceTower tower;
  value.at("name").get_to(tower.name);
  value.at("width").get_to(tower.width);
  value.at("weights").get_to(tower.weights);
  value.at("weights_hash").get_to(tower.weights_hash);
  tower.parts = value.value("parts", 0);
  tower.settings = value.value("settings", "");
  tower.settings_hash = value.value("settings_hash", "");
  value.at("vocabulary").get_to(tower.vocabulary);
  value.at("vocabulary_hash").get_to(tower.vocabulary_hash);
  return tower;
}

// A name from model.json is used as a path: it must stay inside the directory.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

Result<void> check_file(const std::filesystem::path& directory, const std::string& name, const std::string& hash) {
  if (!is_plain_name(name))
    return fail(ErrorCode::kBadFormat, "'" + name + "' is not the name of a file in the space's directory");
  const auto found = file_hash(directory / name);
  if (!found) return std::unexpected(found.error());
  if (*found != hash)
    return fail(ErrorCode::kIncompatible,
                name + " is not the file that was trained (content " + *found + ", not " + hash + ")",
                "restore the directory, or train the space again");
  return {};
}

Result<void> check_model(const std::filesystem::path& directory, const SpaceModel& model) {
  const bool ascending = std::ranges::is_sorted(model.bits, std::ranges::less_equal{});
  if (model.bits.empty() || !ascending || model.bits.front() == 0 || model.bits.back() > kMaxBits)
    return fail(ErrorCode::kBadFormat, "bits are not ascending lengths in 1 … " + std::to_string(kMaxBits));
  if (auto checked = check_file(directory, model.weights_file(), model.weights_hash); !checked) return checked;
  for (const SpaceTower* tower : {&model.image, &model.text}) {
    if (tower->parts < 0 || tower->parts > kMaxParts || tower->width % static_cast<std::size_t>(1 + tower->parts) != 0)
      return fail(ErrorCode::kBadFormat,
                  "tower '" + tower->name + "': " + std::to_string(tower->parts) + " parts do not fit " +
                      std::to_string(tower->width) + " features",
                  "restore the space's directory, or train the space again");
    if (!tower->weights.empty())
      if (auto checked = check_file(directory, tower->weights, tower->weights_hash); !checked) return checked;
    if (!tower->settings.empty())
      if (auto checked = check_file(directory, tower->settings, tower->settings_hash); !checked) return checked;
    if (!tower->vocabulary.empty())
      if (auto checked = check_file(directory, tower->vocabulary, tower->vocabulary_hash); !checked) return checked;
  }
  if (model.generation < 1 || (model.generation == 1 && model.first_weights_hash != model.weights_hash))
    return fail(ErrorCode::kBadFormat, "generation and hashes of the weights do not fit each other");
  if (model.fingerprint != fingerprint_of(model))
    return fail(ErrorCode::kIncompatible, "the fingerprint does not belong to the files", "train the space again");
  return {};
}

Result<SpaceModel> parse(std::string_view text) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail(ErrorCode::kBadFormat, "not JSON");
  try {
    if (value.at("format") != kFormat) return fail(ErrorCode::kBadFormat, "not the model of a code space");
    if (const int version = value.at("format_version"); version > kFormatVersion)
      return fail(ErrorCode::kIncompatible, "format " + std::to_string(version) + " is newer than this program",
                  "use the warifu that trained it, or a later one");
    SpaceModel model;
    value.at("method").get_to(model.method);
    value.at("space").get_to(model.space);
    value.at("bits").get_to(model.bits);
    value.at("generation").get_to(model.generation);
    value.at("weights_hash").get_to(model.weights_hash);
    model.first_weights_hash = value.value("first_weights_hash", model.weights_hash);
    value.at("fingerprint").get_to(model.fingerprint);
    model.image = tower_from(value.at("image"));
    model.text = tower_from(value.at("text"));
    value.at("settings").get_to(model.settings);
    model.caveat = value.value("caveat", "");
    model.labels = value.value("labels", std::vector<std::string>());
    return model;
  } catch (const json::exception& error) {
    return fail(ErrorCode::kBadFormat, error.what());
  }
}

}  // namespace

std::vector<CodeSpace> SpaceModel::code_spaces() const {
  std::vector<CodeSpace> spaces;
  for (const std::uint32_t length : bits) spaces.push_back({space, method, fingerprint, length, generation});
  return spaces;
}

std::string generation_file(std::string_view name, std::uint32_t generation) {
  std::string file(name);
  if (generation > 1) file += ".g" + std::to_string(generation);
  return file + ".safetensors";
}

std::string SpaceModel::weights_file() const { return generation_file("model", generation); }

Result<SpaceTower> adopt_tower(const TowerSpec& tower, std::string_view side, std::size_t width,
                               const std::filesystem::path& directory) {
  SpaceTower adopted;
  adopted.name = tower.name;
  adopted.width = width;
  adopted.parts = tower.parts;
  const auto adopt = [&](const std::filesystem::path& from, std::string_view what, std::string& name,
                         std::string& hash) -> Result<void> {
    if (from.empty()) return {};
    // CLIP's merges may be gzip-compressed, which its reader sees by the name.
    name = std::string(side) + "-" + std::string(what) + from.extension().string();
    auto brought = bring(from, directory / name);
    if (!brought) return std::unexpected(brought.error());
    hash = *brought;
    return {};
  };
  if (auto done = adopt(tower.weights, "weights", adopted.weights, adopted.weights_hash); !done)
    return std::unexpected(done.error());
  if (tower.name == "clip")
    if (auto done = adopt(clip_settings_file(tower.weights), "weights", adopted.settings, adopted.settings_hash); !done)
      return std::unexpected(done.error());
  if (auto done = adopt(tower.vocabulary, "vocabulary", adopted.vocabulary, adopted.vocabulary_hash); !done)
    return std::unexpected(done.error());
  return adopted;
}

Result<SpaceModel> describe_space(std::string_view method, const TrainingSet& set, const TrainOptions& options,
                                  std::map<std::string, std::string> settings, std::size_t image_width,
                                  std::size_t text_width, const std::filesystem::path& directory) {
  SpaceModel model;
  model.method = method;
  model.space = options.space;
  model.bits = options.bits;
  model.settings = std::move(settings);
  model.settings["seed"] = std::to_string(options.seed);
  auto image = adopt_tower(set.image.tower, "image", image_width, directory);
  if (!image) return std::unexpected(image.error());
  auto text = adopt_tower(set.text.tower, "text", text_width, directory);
  if (!text) return std::unexpected(text.error());
  model.image = *std::move(image);
  model.text = *std::move(text);
  return model;
}

TowerSpec tower_in(const std::filesystem::path& directory, const SpaceTower& tower) {
  TowerSpec spec{tower.name, {}, {}, tower.parts};
  if (!tower.weights.empty()) spec.weights = directory / tower.weights;
  if (!tower.vocabulary.empty()) spec.vocabulary = directory / tower.vocabulary;
  return spec;
}

Result<void> write_space_model(const std::filesystem::path& directory, SpaceModel& model) {
  const auto hash = file_hash(directory / model.weights_file());
  if (!hash) return std::unexpected(hash.error());
  model.weights_hash = *hash;
  if (model.generation == 1) model.first_weights_hash = *hash;
  model.fingerprint = fingerprint_of(model);
  json value = {{"format", kFormat},
                {"format_version", kFormatVersion},
                {"method", model.method},
                {"space", model.space},
                {"bits", model.bits},
                {"generation", model.generation},
                {"weights_hash", model.weights_hash},
                {"fingerprint", model.fingerprint},
                {"image", to_json(model.image)},
                {"text", to_json(model.text)},
                {"settings", model.settings}};
  if (!model.caveat.empty()) value["caveat"] = model.caveat;
  if (model.generation > 1) value["first_weights_hash"] = model.first_weights_hash;
  if (!model.labels.empty()) value["labels"] = model.labels;
  return write_file_atomically(directory / kModelFile,
                               std::string_view(value.dump(2, ' ', false, json::error_handler_t::replace) + "\n"));
}

Result<SpaceModel> read_space_model(const std::filesystem::path& directory) {
  const auto path = directory / kModelFile;
  const auto text = read_text_file(path, kMaxModelBytes);
  if (!text) {
    Error error = text.error();
    if (error.code == ErrorCode::kNotFound) error.hint = "train a space first";
    return std::unexpected(std::move(error));
  }
  auto model = parse(*text);
  if (!model) return with_context(path.string(), model.error());
  if (auto checked = check_model(directory, *model); !checked) return with_context(path.string(), checked.error());
  return model;
}

}  // namespace warifu
