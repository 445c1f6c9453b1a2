#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/encode_items.h"
#include "engine/ingest.h"
#include "engine/workspace.h"
#include "methods/method.h"

namespace warifu {

// The label values that a space knows, each "column=value", and their columns; other columns do not count.
struct KnownLabels {
  std::set<std::string> names;
  std::set<std::string> columns;

  explicit KnownLabels(const std::vector<std::string>& labels);
  bool counts(const Label& label) const { return columns.contains(label.column); }
  bool knows(const Label& label) const { return names.contains(label_name(label)); }
};

// The items of an update of a space.
struct NewItems {
  std::vector<Item> items;       // ascending by row: they get codes of the new generation
  std::set<std::string> labels;  // "column=value" to learn
  std::int64_t revision = 0;     // the catalog's before the items were read
  std::optional<IngestReport> ingested;

  bool carries(const Item& item) const;  // whether it has one of `labels`
  bool contains(ItemRow row) const;
};

// Every item that carries one of `values` is taken to arrive now.
// kNotFound: a value that no item has; kInvalidArgument: one that the space knows.
Result<NewItems> items_with_labels(const Workspace& workspace, const std::string& space, const KnownLabels& known,
                                   const std::vector<std::string>& values);

// The items of `source`, ingested as `ingest` would; those that no split names become train and database items. To
// learn are their label values that the space does not know: kNotFound where there is none.
Result<NewItems> items_of_source(Workspace& workspace, const std::string& space, const KnownLabels& known,
                                 const std::filesystem::path& source, const IngestOptions& options,
                                 ProgressSink& progress);

// What is learnt from: the new items of the train split that have both halves.
struct NewPairs {
  TrainingSet set;          // with label values that the space knows and new ones
  std::vector<Item> items;  // set.train[i] is of items[i]
};

// Takes out of `chosen.labels` what no such pair carries, with a note. kNotFound where there is no pair.
Result<NewPairs> new_pairs(const Workspace& workspace, const KnownLabels& known, NewItems& chosen, ItemEncoder& encoder,
                           ProgressSink& progress);

}  // namespace warifu
