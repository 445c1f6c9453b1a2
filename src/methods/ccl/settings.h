#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "methods/named_settings.h"

namespace warifu {

// What the method leaves open, with the values it is shipped with (README.md says what was tried). Names of the
// specification's symbols in brackets.
struct CclSettings {
  // Grains beside the whole, which only frozen towers give.
  std::string patches = "yes";    // of pictures
  std::string phrases = "yes";    // of texts
  std::int64_t grid = 3;          // patches are the cells of so many rows and columns
  std::int64_t phrase_count = 8;  // at most
  std::string pooling = "mean";   // of the parts of one item: mean, or attention, which is learnt

  std::string stage1 = "yes";           // correlation within and across modalities first
  std::string balance = "uncertainty";  // of the tasks of stage 2: uncertainty (learnt), or fixed: 1 : 1 : 1
  std::string labels = "yes";           // no: as if no item had a label
  std::int64_t label_limit = 0;         // only so many items keep their labels, drawn by seed; 0: all. To measure with

  int stage1_epochs = 1;
  int epochs = 15;  // of stage 2
  std::int64_t batch = 128;
  double learning_rate = 2e-3;  // falls to 0 along a cosine over both stages
  double rate_warm_up = 0.05;   // share of all steps in which it rises
  double weight_decay = 1e-2;

  std::int64_t width = 512;    // of the hidden layer of each grain, and of the common layer
  double power = 0.5;          // features become sign(x) |x|^power before they are standardised
  double spread_floor = 0.2;   // added to the spread of every column of features, as a share of the average one
  double image_dropout = 0.6;  // of features
  double text_dropout = 0.3;
  double hidden_dropout = 0.5;

  double correlation = 0.7;      // [lambda] share of the correlation across modalities in stage 1
  double margin = 1;             // of the pair constraint, between points of the unit sphere
  double class_scale = 10;       // of the cosines of items and classes
  double class_smoothing = 0.1;  // share of the target spread over all classes
  double sharpness = 1.5;        // of the class shares that real values are made of
  double temperature = 0.1;      // of the contrast of pairs without labels
  double code_weight = 0.5;      // of the codes, beside the tasks
  double code_scale = 8;         // of the logits of a code and the code words of the classes
  double word_sharpness = 4;     // of the pull of alike classes on each other's code words
  double quantization_weight = 0.1;

  bool has_patches() const { return patches == "yes"; }
  bool has_phrases() const { return phrases == "yes"; }
  bool has_attention() const { return pooling == "attention"; }
  bool is_balanced() const { return balance == "uncertainty"; }
  int first_stage() const { return stage1 == "yes" ? stage1_epochs : 0; }

  // All of the above, to be chosen by name.
  std::vector<NamedSetting> named();
};

}  // namespace warifu
