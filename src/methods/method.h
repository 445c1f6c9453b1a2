#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"
#include "base/image.h"
#include "base/progress.h"
#include "encode/encoder.h"
#include "encode/tower_spec.h"

namespace warifu {

// What a method may learn from in one modality: features of the frozen or given tower, or the raw
// content for a trained one. Exactly one is filled; entry i belongs to training item i.
struct TrainingInputs {
  TowerSpec tower;
  FloatMatrix features;
  std::vector<Image> pictures;  // already brought to the tower's input size
  std::vector<std::string> texts;
};

struct TrainingSet {
  TrainingInputs image;
  TrainingInputs text;
  std::vector<std::vector<std::uint32_t>> labels;  // value ids of each item over the chosen columns
  std::size_t label_values = 0;                    // number of distinct value ids
  std::vector<std::string> label_names;            // of each value id, "column=value"; may be empty
  std::vector<std::uint32_t> column_of_value;      // of each value id, counted from 0; empty: all of one column
  std::vector<std::size_t> train;                  // positions to fit on
  std::vector<std::size_t> validation;             // positions held out of train to choose by; never queries
};

struct TrainOptions {
  std::vector<std::uint32_t> bits = {16, 32, 64, 128};
  std::uint64_t seed = 1;
  // Keep of `bits` the shortest length alone whose validation mAP is at most this below the best one's; nothing: keep
  // all. kInvalidArgument where the method cannot choose or nothing is held out to choose by.
  std::optional<double> bits_tolerance = {};
  int epochs = 0;                          // 0: the method's own default
  std::string space = {};                  // name of the code space
  std::vector<std::string> settings = {};  // "name=value", of the method's own (its README lists them)
  std::filesystem::path start_from =
      {};  // directory of a trained space whose weights training goes on from; empty: none
};

struct TrainReport {
  double train_seconds = 0;
  int epochs_run = 0;
  double validation_score = 0;  // the method's own criterion, see its README
  std::string validation_criterion;
  // Of each item of the set, how likely its picture and text belong together, 0 … 1; empty where the
  // method does not ask.
  std::vector<float> clean_probability;
  std::string caveat = {};  // as Encoder::caveat
  // Of each length that was trained the method's criterion; empty where it does not tell.
  std::map<std::uint32_t, double> validation_by_bits = {};
  std::vector<std::uint32_t> bits = {};  // that are kept
};

// Trains `method` and leaves everything that load_encoder needs in `directory` (weights, tower
// files, model.json); a checkpoint there from an interrupted run with equal options and data is continued.
// kNotFound: unknown method (the hint lists them); kInvalidArgument: towers the method cannot use,
// with the reason, a setting it does not have, or a start it cannot go on from; kUnavailable: stopped on request,
// checkpoint written.
Result<TrainReport> train_method(std::string_view method, const TrainingSet& set, const TrainOptions& options,
                                 const std::filesystem::path& directory, ProgressSink& progress);

// The names train_method knows, in a stable order.
std::span<const std::string_view> method_names();

// kNotFound, listing the names, unless `method` is one of method_names().
Result<void> check_method(std::string_view method);

// kInvalidArgument, listing those that can, unless the method can go on from a trained space; else as check_method.
Result<void> check_starts_from(std::string_view method);

// kInvalidArgument, listing those that can, unless the method can choose a length by validation; else as check_method.
Result<void> check_chooses_bits(std::string_view method);

// The tower a method works best with when the user names none and no features were given.
std::string_view default_tower(std::string_view method, Modality modality);

// How many parts (TowerSpec::parts) a method wants of a frozen tower beside the whole; 0 for most. `settings` as
// TrainOptions::settings: kInvalidArgument if the method does not have them.
Result<int> wanted_parts(std::string_view method, Modality modality, std::span<const std::string> settings);

// The longest code the method can learn from features of these widths (0: not features).
std::size_t longest_code(std::string_view method, std::size_t image_width, std::size_t text_width);

// What model.json says of a trained space, without loading a tensor. Tower paths are absolute and lie
// inside `directory`.
struct SpaceInfo {
  std::string method;
  std::vector<CodeSpace> spaces;  // ascending in bits
  std::string caveat;             // as Encoder::caveat
  TowerSpec image;
  TowerSpec text;
};
Result<SpaceInfo> read_space_info(const std::filesystem::path& directory);

// The encoder trained into `directory`. kNotFound, kBadFormat, kIncompatible with place and hint.
Result<std::unique_ptr<Encoder>> load_encoder(const std::filesystem::path& directory);

// How pictures for a trained tower ("small") must be brought to size before training.
PictureFormat trained_picture_format();

}  // namespace warifu
