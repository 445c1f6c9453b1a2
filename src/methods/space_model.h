#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codes/code_space.h"
#include "encode/tower_spec.h"
#include "methods/method.h"

namespace warifu {

inline constexpr std::uint32_t kMaxBits = 4096;  // of a code

// One tower under a space, as model.json states it. File names are inside the space's directory,
// so that the directory can be moved or sent as it is.
struct SpaceTower {
  std::string name;
  std::size_t width = 0;     // of its features, parts among them
  int parts = 0;             // as TowerSpec::parts
  std::string weights;       // file name; empty: none
  std::string weights_hash;  // content_hash of that file
  std::string settings;      // what the weights do not tell (nn/clip_settings.h); empty: none
  std::string settings_hash;
  std::string vocabulary;
  std::string vocabulary_hash;

  bool operator==(const SpaceTower&) const = default;
};

// What model.json says of a trained space.
struct SpaceModel {
  std::string method;
  std::string space;
  std::vector<std::uint32_t> bits;  // ascending
  std::uint32_t generation = 1;     // grows by one with each update (methods/method.h); codes stay comparable
  std::string weights_hash;         // of the file that weights_file() names
  std::string first_weights_hash;   // of generation 1's; that generation has the same twice
  std::string fingerprint;          // of the method, generation 1's weights, the towers' files and the caveat
  std::string caveat;               // as Encoder::caveat
  SpaceTower image;
  SpaceTower text;
  std::map<std::string, std::string> settings;  // the method's own, for people and for load
  std::vector<std::string> labels;              // "column=value" that the space knows; empty where it need not know

  std::vector<CodeSpace> code_spaces() const;

  // The weights of this generation: "model.safetensors", of later ones "model.g2.safetensors" …
  std::string weights_file() const;
};

inline constexpr std::string_view kModelFile = "model.json";
inline constexpr std::string_view kWeightsFile = "model.safetensors";

// Brings the files of `tower` into `directory` (hard link where the file system can, else a copy)
// under names that start with `side` ("image", "text"). kNotFound if a file is missing.
Result<SpaceTower> adopt_tower(const TowerSpec& tower, std::string_view side, std::size_t width,
                               const std::filesystem::path& directory);

// What model.json will say of a space that `method` trained: its name, lengths and settings, seed among them,
// and its towers, whose files are brought into `directory`; the widths are those of their features. Errors of
// adopt_tower.
Result<SpaceModel> describe_space(std::string_view method, const TrainingSet& set, const TrainOptions& options,
                                  std::map<std::string, std::string> settings, std::size_t image_width,
                                  std::size_t text_width, const std::filesystem::path& directory);

// The tower's files where they lie in `directory`.
TowerSpec tower_in(const std::filesystem::path& directory, const SpaceTower& tower);

// "NAME.safetensors" of the first generation, "NAME.g2.safetensors" … of later ones: files of two generations lie
// side by side until model.json names the later one.
std::string generation_file(std::string_view name, std::uint32_t generation);

// Hashes the weights, which must be there, fills in `fingerprint` and writes model.json (atomic). A later generation
// keeps the first one's fingerprint: `first_weights_hash` must be that of the model it grew from.
Result<void> write_space_model(const std::filesystem::path& directory, SpaceModel& model);

// kNotFound: no model.json; kBadFormat: not one; kIncompatible: of a later format, or a file of the
// space is not the one that was trained.
Result<SpaceModel> read_space_model(const std::filesystem::path& directory);

}  // namespace warifu
