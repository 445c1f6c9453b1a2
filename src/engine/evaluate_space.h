#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/workspace.h"
#include "evaluate/evaluate.h"

namespace warifu {

struct EvaluateRequest {
  std::string space;                 // empty: as Finder::open
  std::vector<std::uint32_t> bits;   // empty: all trained lengths
  std::string relevance = "any";     // grammar of RelevanceRule::parse
  std::optional<Modality> database;  // nothing: both cross-modal directions
  std::string query_split = "query";
  std::string database_split = "database";
  bool train_in_database = true;  // false: train items are taken out of the database
  // Of a random share of the queries and of the database this half is not looked at: their codes are made now, of the
  // other half alone. With `database` both only, by methods whose codes bear it. Nothing: codes as indexed.
  std::optional<Modality> missing;
  double missing_share = 0;
  // Measure the real-valued common space instead of the codes: items are encoded by the space's present model. Not with
  // `bits` or `run_folder`.
  bool real = false;
  MetricOptions metrics;             // its seed also draws what is missing
  std::filesystem::path run_folder;  // TREC run and qrels files go here; empty: none
  std::size_t run_depth = 1000;      // ranks written per query
};

struct DirectionResult {
  std::string direction;   // "i2t", "t2i", "both"
  std::uint32_t bits = 0;  // 0 of real values
  Metrics metrics;
  std::size_t real_width = 0;  // of the common space; 0 of codes
};

struct EvaluateReport {
  std::string space;
  std::string method;
  std::string caveat;   // what makes the codes not strict: "paired input", "labels in the query"; empty: strict
  std::string missing;  // the half that was left out of a share of the items: "image", "text"; empty: none
  double missing_share = 0;
  std::string relevance;
  std::string
      database;  // the half that answered: "image", "text", "both"; "opposite" of the query's in both directions
  std::string fingerprint;  // of the model that was measured
  std::size_t query_items = 0;
  std::size_t database_items = 0;
  std::size_t train_in_database = 0;  // train items among the database
  std::size_t query_in_database = 0;  // query items among the database
  std::vector<DirectionResult> results;
  std::vector<DirectionResult> random;  // a random order of the database, by direction (bits 0)
  double load_seconds = 0;
  double relevance_seconds = 0;
  double evaluate_seconds = 0;  // ranking, metrics and intervals of all results
  std::map<std::uint32_t, double> code_bytes_per_item;
  std::vector<std::filesystem::path> files;  // what was written into run_folder
};

// Measures a space on the workspace's splits: every query ranks the whole database by Hamming distance, or by falling
// cosine of real values. Nothing here chooses anything: what is reported is what was trained. In a space that was
// updated, queries are encoded anew by its present model.
Result<EvaluateReport> evaluate_space(const Workspace& workspace, const EvaluateRequest& request,
                                      ProgressSink& progress);

}  // namespace warifu
