#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/ingest.h"

namespace warifu {

struct UpdateRequest {
  std::string space;            // empty: "dlch" if there is one, else as Workspace::choose_space
  std::filesystem::path items;  // a source of new items, ingested by `ingest`; empty: none
  IngestOptions ingest;
  std::vector<std::string> new_labels;  // without `items`: label values that ingested items carry
  std::vector<std::string> settings;    // "name=value", the method's own
  int epochs = 0;                       // 0: the method's own number
  std::uint64_t seed = 1;
  std::uint32_t bits = 0;  // length that is measured; 0: 64 if there is such a one, else the longest
  std::string relevance;   // empty: any: over the label columns of the space
};

// mAP (the expectation over ties) of queries over the whole database; nothing where there is no such query.
struct UpdateMeasure {
  std::string direction;                                  // "i2t", "t2i", "mean"
  std::optional<double> old_before = {}, old_after = {};  // queries of categories that the space knew
  std::optional<double> new_before = {}, new_after = {};  // queries of the new ones
  // After, with the codes that the labels gave the new training items in place of those of the network.
  std::optional<double> old_learned = {}, new_learned = {};
};

struct UpdateOutcome {
  std::string space;
  std::string method;
  std::uint32_t generation = 0;
  std::vector<std::uint32_t> bits;  // all lengths
  std::vector<std::string> new_labels;
  std::size_t old_labels = 0;
  std::size_t train_items = 0;        // that were learnt from
  std::size_t new_items = 0;          // that have a code of this generation
  std::size_t old_codes = 0;          // of all modalities and lengths, of items that are not new
  std::size_t old_codes_changed = 0;  // of those
  std::size_t new_codes = 0;          // of all modalities and lengths
  std::vector<Rejection> failed;      // new items whose content could not be read: a code that they have stays
  std::size_t query_items_old = 0, query_items_new = 0;
  std::uint32_t measured_bits = 0;
  std::string relevance;
  std::vector<UpdateMeasure> measures;  // i2t, t2i, mean
  double train_seconds = 0;             // of the method: does not grow with the database
  double encode_seconds = 0;            // of the new items
  double measure_seconds = 0;           // of the figures above
  double seconds = 0;                   // all of it
  std::optional<IngestReport> ingested;
};

// Teaches a space new categories from new items alone. Queries are encoded by the new model from here on; codes that
// the index has stay, byte for byte, in their files, but for those of the new items, which get codes of the new
// generation. A space that was never indexed is indexed first, so that there is something to keep.
//
// New items are those of `items` that carry a new label value or have no code yet, or those that carry one of
// `new_labels`; learnt from are those of them in the train split that carry new label values. Items of a source that no
// split file names become train and database items.
//
// The new generation serves only when all of it is there: after a kill at any moment the former one does, and the same
// command starts again. One that writes codes of a space at a time: kUnavailable beside another.
//
// kInvalidArgument: a method that cannot, label values that the space knows already; kNotFound: a label value that no
// item has, no new value or train item among the items; errors of ingest.
Result<UpdateOutcome> update(const std::filesystem::path& root, const UpdateRequest& request, ProgressSink& progress);

}  // namespace warifu
