#include "engine/new_items.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/join.h"

namespace warifu {
namespace {

// Where splits came from files, new items are in none of them.
Result<void> place_in_splits(Catalog& catalog, const std::vector<ItemRow>& rows, ProgressSink& progress) {
  const auto names = catalog.split_names();
  if (!names) return std::unexpected(names.error());
  std::set<ItemRow> placed;
  for (const std::string& name : *names) {
    const auto members = catalog.split(name);
    if (!members) return std::unexpected(members.error());
    placed.insert(members->begin(), members->end());
  }
  std::vector<ItemRow> loose;
  std::ranges::copy_if(rows, std::back_inserter(loose), [&](ItemRow row) { return !placed.contains(row); });
  if (loose.empty()) return {};
  if (auto begun = catalog.begin_writing(); !begun) return begun;
  for (const char* name : {"train", "database"}) {
    std::set<ItemRow> all(loose.begin(), loose.end());
    if (const auto members = catalog.split(name)) all.insert(members->begin(), members->end());
    if (auto set = catalog.set_split(name, std::vector<ItemRow>(all.begin(), all.end())); !set) return set;
  }
  progress.note(std::to_string(loose.size()) + " new items were in no split: they are train and database items now");
  return catalog.end_writing();
}

}  // namespace

KnownLabels::KnownLabels(const std::vector<std::string>& labels) : names(labels.begin(), labels.end()) {
  for (const std::string& name : labels) columns.insert(name.substr(0, name.find('=')));
}

bool NewItems::carries(const Item& item) const {
  return std::ranges::any_of(item.labels, [&](const Label& label) { return labels.contains(label_name(label)); });
}

bool NewItems::contains(ItemRow row) const {
  const auto found = std::ranges::lower_bound(items, row, {}, &Item::row);
  return found != items.end() && found->row == row;
}

Result<NewItems> items_with_labels(const Workspace& workspace, const std::string& space, const KnownLabels& known,
                                   const std::vector<std::string>& values) {
  const auto revision = workspace.catalog().last_revision();
  if (!revision) return std::unexpected(revision.error());
  auto items = workspace.catalog().all_items();
  if (!items) return std::unexpected(items.error());
  NewItems chosen;
  chosen.revision = *revision;
  std::vector<std::string> learnt;
  for (const std::string& value : values) {
    std::set<std::string> names;
    bool is_known = false;
    for (const Item& item : *items)
      for (const Label& label : item.labels) {
        if (!known.counts(label) || label.value != value) continue;
        names.insert(label_name(label));
        is_known |= known.knows(label);
      }
    if (names.empty())
      return fail(ErrorCode::kNotFound, "no item has the label value '" + value + "' in " + join(known.columns),
                  "see the spelling in the source; values are compared as they were ingested");
    if (is_known) learnt.push_back(value);
    chosen.labels.merge(names);
  }
  if (!learnt.empty())
    return fail(ErrorCode::kInvalidArgument, "space '" + space + "' knows already: " + join(learnt),
                "leave them out; 'warifu index' encodes further items of known categories");
  std::erase_if(*items, [&](const Item& item) { return !chosen.carries(item); });
  chosen.items = std::move(*items);
  std::ranges::sort(chosen.items, {}, &Item::row);
  return chosen;
}

Result<NewItems> items_of_source(Workspace& workspace, const std::string& space, const KnownLabels& known,
                                 const std::filesystem::path& source, const IngestOptions& options,
                                 ProgressSink& progress) {
  auto report = ingest(workspace.root(), source, options, progress);
  if (!report) return std::unexpected(report.error());
  if (report->stopped) return fail(ErrorCode::kUnavailable, "stopped on request", "the same command continues");
  if (auto placed = place_in_splits(workspace.catalog(), report->rows, progress); !placed)
    return std::unexpected(placed.error());
  const auto revision = workspace.catalog().last_revision();
  if (!revision) return std::unexpected(revision.error());
  auto items = workspace.catalog().items(report->rows);
  if (!items) return std::unexpected(items.error());
  NewItems chosen;
  chosen.revision = *revision;
  chosen.items = std::move(*items);
  std::ranges::sort(chosen.items, {}, &Item::row);
  chosen.ingested = std::move(*report);
  for (const Item& item : chosen.items)
    for (const Label& label : item.labels)
      if (known.counts(label) && !known.knows(label)) chosen.labels.insert(label_name(label));
  if (chosen.labels.empty())
    return fail(ErrorCode::kNotFound,
                source.string() + ": no item carries a label value in " + join(known.columns) + " that space '" +
                    space + "' does not know",
                "name the label columns with --label-columns; items of known categories only need 'warifu index'");
  return chosen;
}

Result<NewPairs> new_pairs(const Workspace& workspace, const KnownLabels& known, NewItems& chosen, ItemEncoder& encoder,
                           ProgressSink& progress) {
  const auto train = workspace.catalog().split("train");
  if (!train) return std::unexpected(train.error());
  std::vector<Item> wanted;
  for (const Item& item : chosen.items)
    if (chosen.carries(item) && std::ranges::binary_search(*train, item.row)) wanted.push_back(item);
  const auto content = encoder.inputs(wanted, Modality::kBoth, progress);
  if (!content) return std::unexpected(content.error());
  if (content->inputs.empty())
    return fail(ErrorCode::kNotFound,
                "no train item with a picture and a text carries one of the new label values: " + join(chosen.labels),
                "see 'warifu status': an update learns from new items of the train split");
  NewPairs pairs;
  TrainingSet& set = pairs.set;
  set.image.features = FloatMatrix(content->inputs.size(), content->inputs.front().image_features.size());
  set.text.features = FloatMatrix(content->inputs.size(), content->inputs.front().text_features.size());
  std::map<std::string, std::uint32_t> ids;
  std::set<std::string> untaught = chosen.labels;
  for (std::size_t i = 0; i < content->inputs.size(); ++i) {
    const Item& item = wanted[content->positions[i]];
    std::ranges::copy(content->inputs[i].image_features, set.image.features.row(i).begin());
    std::ranges::copy(content->inputs[i].text_features, set.text.features.row(i).begin());
    auto& values = set.labels.emplace_back();
    for (const Label& label : item.labels) {
      const std::string name = label_name(label);
      if (!known.knows(label) && !chosen.labels.contains(name)) continue;
      const auto [found, fresh] = ids.emplace(name, static_cast<std::uint32_t>(ids.size()));
      if (fresh) set.label_names.push_back(name);
      values.push_back(found->second);
      untaught.erase(name);
    }
    set.train.push_back(i);
    pairs.items.push_back(item);
  }
  set.label_values = ids.size();
  if (!untaught.empty()) progress.note("no train pair carries " + join(untaught) + ": nothing is learnt of it");
  for (const std::string& name : untaught) chosen.labels.erase(name);
  return pairs;
}

}  // namespace warifu
