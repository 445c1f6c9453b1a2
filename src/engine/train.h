#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/workspace.h"
#include "methods/method.h"

namespace warifu {

// Beside a space's model: ids of the items that were held out of its training, one a line.
inline constexpr const char* kHeldOutItems = "held-out-items.txt";

struct TrainRequest {
  std::string method;
  std::string space;                // empty: the method's name
  std::vector<std::uint32_t> bits;  // empty: the start's, else those of 16, 32, 64, 128 that the data allow
  // Keep the shortest of the lengths whose validation mAP is at most this below the best one's; without `bits` of 16,
  // 24, 32, 48, 64, 96, 128. For methods that can.
  std::optional<double> bits_tolerance;
  std::vector<std::string> label_columns;  // empty: every label column
  // Train on items with one of these values and, in the columns of these, no other; empty: all.
  std::vector<std::string> only_labels;
  std::string image_encoder;  // empty: given features, else what the method does best
  std::filesystem::path image_weights;
  std::string text_encoder;
  std::filesystem::path text_weights;     // empty: image_weights (CLIP keeps both towers in one file)
  std::filesystem::path text_vocabulary;  // CLIP's merges
  int epochs = 0;                         // 0: the method's own default
  std::uint64_t seed = 1;
  std::vector<std::string> settings;  // "name=value", the method's own
  // A trained space of the same method, whose weights and towers training goes on from; may be `space` itself. Towers
  // and files named beside it must be its own. Empty: none.
  std::string start_from;
  double pair_noise = 0;  // share of the train split's pairs whose texts are exchanged
};

struct TrainOutcome {
  std::string space;
  std::vector<std::uint32_t> bits;  // that were trained, or kept of those
  std::size_t train_items = 0;
  std::size_t validation_items = 0;
  std::size_t left_out = 0;                     // train items that lack a half or whose picture went away
  std::size_t mismatched_pairs = 0;             // by pair_noise
  std::optional<std::size_t> suspicious_pairs;  // less likely right than wrong; nothing: the method does not ask
  // With both: the share of mismatched pairs that are in the list, and of the list (where it is not empty)
  // that is mismatched.
  std::optional<double> suspicious_recall;
  std::optional<double> suspicious_precision;
  std::string image_encoder;
  std::string text_encoder;
  double seconds = 0;  // all of it
  TrainReport report;  // of the method alone
};

// The methods' names for help texts: "contrastive, ccl, prompthash, dmmh, dlch, cca-itq".
std::string trainable_methods();

// Trains a code space on the workspace's "train" split; nothing of the query split is read. A tenth
// of the train items (at most 500) is held out for validation, by seed.
// The new model takes the space's place only when it is whole; until then an older one of that name serves.
// An interrupted run is continued by the same command.
// kInvalidArgument: a start that the method cannot go on from, or that other flags contradict; kNotFound: no such
// space.
//
// Beside the model lie train-log.jsonl and, where the method asks how likely pairs are right,
// suspicious-pairs.csv (id, clean_probability, image, text; the worst first). With pair_noise the ids whose
// texts were exchanged are in mismatched-pairs.txt; the texts in the list are then the items' own ones.
Result<TrainOutcome> train(Workspace& workspace, const TrainRequest& request, ProgressSink& progress);

}  // namespace warifu
