#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/workspace.h"
#include "search/confidence.h"

namespace warifu {

struct CalibrateRequest {
  std::string space;       // as Finder::open
  std::uint32_t bits = 0;  // 0: the longest
  // What makes a hit right, as EvaluateRequest::relevance. Where no item has labels a hit is right if it is the very
  // item that was asked for.
  std::string relevance = "any";
  std::uint64_t seed = 1;
};

struct CalibrateReport {
  std::string space;
  std::uint32_t bits = 0;
  std::size_t items = 0;  // held out of training, whose words and pictures asked
  std::size_t queries = 0;
  std::size_t hits = 0;
  std::map<double, double> map_by_word_weight;  // of queries of words; the code channel weighs 1
  double word_weight = 1;
  // Measured on the one half of the items by what was learnt on the other, and the other way round.
  std::vector<ReliabilityBin> reliability;
  double calibration_error = 0;  // expected_calibration_error of these
};

// Learns how sure hits are, and what the two channels weigh, on pairs that training held out (queries have no part in
// it; they are not searched in either), and keeps both in the space's folder (search/confidence.h).
//
// kNotFound where the space has no list of held-out items (it was trained by an older program, or on too few).
Result<CalibrateReport> calibrate(const Workspace& workspace, const CalibrateRequest& request, ProgressSink& progress);

// A query of 1 … 3 words as a person would type it, and the labels that its answers have.
struct WordQuery {
  std::string text;
  std::vector<Label> labels;  // all of these; empty: the item itself is the answer
  ItemRow of = 0;             // the item whose values they are
};

// One query of each item, drawn by `seed`: the values of 1 … 3 of its labels in `columns` (all, if empty), else 1 … 3
// words of its text. Items with neither are passed over.
std::vector<WordQuery> draw_word_queries(const std::vector<Item>& items, const std::vector<std::string>& columns,
                                         std::uint64_t seed);

}  // namespace warifu
