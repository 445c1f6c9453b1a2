#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "methods/named_settings.h"

namespace warifu {

// What the method leaves open, with the values it is shipped with (README.md says what was tried).
struct DmmhSettings {
  // gated:          a learnt gate weighs the two halves of each item
  // additive:       the sum, as the paper says
  // concatenation:  no sequences, no Mamba: both halves side by side, the baseline
  std::string fusion = "gated";
  std::string mamba = "yes";  // no: the sequences are fused as they were dilated

  int epochs = 20;
  std::int64_t batch = 128;
  double learning_rate = 2e-3;  // falls to 0 along a cosine
  double rate_warm_up = 0.05;   // share of all steps in which it rises
  double weight_decay = 1e-2;

  std::int64_t hidden = 512;  // of the map of a half
  std::int64_t tokens = 16;   // of a sequence; the released relatives have as many as bits
  std::int64_t width = 64;    // of a token
  std::int64_t layers = 1;    // Mamba blocks one after the other
  double spread_floor = 0.2;  // added to the spread of every column of features, as a share of the average one
  double image_dropout = 0.5;
  double text_dropout = 0;
  double hidden_dropout = 0.1;

  // How much the codes of a half alone count beside 1 for those of both. With 0 for both halves an item that
  // lacks one gets the code of a network that never saw such a thing.
  double image_weight = 1;
  double text_weight = 0.5;

  double similarity_weight = 10;   // L_sim
  double classifier_weight = 100;  // L_clf
  double word_weight = 1;          // cross-entropy of class words, within each label column
  double word_scale = 8;           // of cosines of a code and the words
  double word_smoothing = 0.1;     // share of the target spread over all classes of the column
  double quantization_weight = 0.1;

  bool has_mamba() const { return mamba == "yes" && !is_concatenation(); }
  bool is_gated() const { return fusion == "gated"; }
  bool is_concatenation() const { return fusion == "concatenation"; }

  // All of the above, to be chosen by name.
  std::vector<NamedSetting> named();
};

}  // namespace warifu
