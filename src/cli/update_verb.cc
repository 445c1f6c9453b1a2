#include <fmt/format.h>

#include <string>

#include "base/join.h"
#include "cli/verb.h"
#include "engine/update.h"

namespace warifu {
namespace {

constexpr std::size_t kShownLabels = 8;  // of a table; JSON has them all

Json figure(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::string figure_text(const std::optional<double>& value) { return value ? fixed(*value, 3) : "-"; }

class UpdateVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    SourceOptions& source = request_.ingest.source;
    flags.value("--space", request_.space, "code space (default: 'dlch', or the only one)");
    flags.value("--items", request_.items, "file or folder of new items, ingested first as 'warifu ingest' would");
    flags.list("--new-labels", request_.new_labels,
               "instead: label values of ingested items that are new to the space");
    flags.value("--epochs", request_.epochs, "0: the method's own number")->capture_default_str();
    flags.value("--seed", request_.seed, "same seed, same machine: same codes")->capture_default_str();
    flags.list("--set", request_.settings, "name=value of the method's own settings, for example gate_share=0.4");
    flags.value("--bits", request_.bits, "code length that is measured (default: 64, else the longest)");
    flags.value("--relevance", request_.relevance,
                "as in evaluate (default: any: over the label columns of the space)");
    flags.value("--format", source.format, "of --items: auto, folder, csv, jsonl, webdataset, mat or features")
        ->capture_default_str();
    flags.list("--label-columns", source.label_columns, "of --items: columns that are labels: a,b");
    flags.value("--label-separator", source.label_separator, "\"a|b\" in a label column is two labels for '|'");
    flags.value("--id-column", source.id_column, "column of the id")->capture_default_str();
    flags.value("--image-column", source.image_column, "column of the picture's path")->capture_default_str();
    flags.value("--text-column", source.text_column, "column of the text")->capture_default_str();
    flags.value("--image-root", source.image_root, "relative picture paths start here (default: beside the source)");
    flags.value("--image-features", source.image_features, ".npy or .npy.gz with one row an item of --items");
    flags.value("--text-features", source.text_features, "the same for texts");
    flags.value("--ids", source.ids, "format features: one id a line");
    flags.value("--labels", source.labels, "format features: one line an item");
    flags.value("--splits", request_.ingest.splits,
                "folder with split files, which replace those of the workspace (default: new items that no split names "
                "are train and database items)");
    flags.toggle("--allow-missing", request_.ingest.allow_missing_pictures,
                 "keep items whose picture file is not there");
    flags.value("--max-image-megapixels", request_.ingest.limits.max_megapixels, "larger pictures are refused")
        ->capture_default_str();
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    const auto outcome = update(invocation.workspace, request_, *invocation.progress);
    if (!outcome) return std::unexpected(outcome.error());
    if (*form == OutputForm::kTable) {
      print_table(*outcome);
    } else {
      print_json(to_json(*outcome), *form);
    }
    return 0;
  }

 private:
  Json to_json(const UpdateOutcome& outcome) const {
    const UpdateMeasure none;
    const UpdateMeasure& mean = outcome.measures.empty() ? none : outcome.measures.back();
    Json results = Json::array();
    for (const UpdateMeasure& one : outcome.measures)
      results.push_back({{"direction", one.direction},
                         {"bits", outcome.measured_bits},
                         {"map_old_before", figure(one.old_before)},
                         {"map_old_after", figure(one.old_after)},
                         {"map_new_before", figure(one.new_before)},
                         {"map_new", figure(one.new_after)},
                         {"map_old_learned", figure(one.old_learned)},
                         {"map_new_learned", figure(one.new_learned)}});
    Json failed = Json::array();
    for (const Rejection& one : outcome.failed) failed.push_back({{"id", one.place}, {"reason", one.reason}});
    Json json = {{"space", outcome.space},
                 {"method", outcome.method},
                 {"generation", outcome.generation},
                 {"bits", outcome.bits},
                 {"seed", request_.seed},
                 {"new_labels", outcome.new_labels},
                 {"old_labels", outcome.old_labels},
                 {"train_items", outcome.train_items},
                 {"new_items", outcome.new_items},
                 {"old_codes", outcome.old_codes},
                 {"old_codes_changed", outcome.old_codes_changed},
                 {"new_codes", outcome.new_codes},
                 {"failed", failed},
                 {"measured_bits", outcome.measured_bits},
                 {"relevance", outcome.relevance},
                 {"query_items_old", outcome.query_items_old},
                 {"query_items_new", outcome.query_items_new},
                 {"map_old_before", figure(mean.old_before)},
                 {"map_old_after", figure(mean.old_after)},
                 {"map_new_before", figure(mean.new_before)},
                 {"map_new", figure(mean.new_after)},
                 {"map_old_learned", figure(mean.old_learned)},
                 {"map_new_learned", figure(mean.new_learned)},
                 {"results", results},
                 {"train_seconds", outcome.train_seconds},
                 {"encode_seconds", outcome.encode_seconds},
                 {"measure_seconds", outcome.measure_seconds},
                 {"seconds", outcome.seconds}};
    if (outcome.ingested) {
      Json rejections = Json::array();
      for (const Rejection& one : outcome.ingested->rejected)
        rejections.push_back({{"place", one.place}, {"reason", one.reason}, {"hint", one.hint}});
      json["ingested"] = {{"added", outcome.ingested->added},
                          {"updated", outcome.ingested->updated},
                          {"unchanged", outcome.ingested->unchanged},
                          {"rejections", rejections}};
    }
    return json;
  }

  static void print_table(const UpdateOutcome& outcome) {
    if (outcome.ingested)
      for (const Rejection& one : outcome.ingested->rejected)
        print_line(fmt::format("rejected: {}: {}", one.place, one.reason));
    std::vector<std::string> shown(
        outcome.new_labels.begin(),
        outcome.new_labels.begin() + static_cast<std::ptrdiff_t>(std::min(outcome.new_labels.size(), kShownLabels)));
    print_line(fmt::format("space '{}', generation {}: {} new label values from {} train items: {}{}", outcome.space,
                           outcome.generation, outcome.new_labels.size(), count_text(outcome.train_items), join(shown),
                           shown.size() < outcome.new_labels.size() ? ", …" : ""));
    print_line(fmt::format("{} codes stay as they are, {} of them changed; {} new codes for {} items",
                           count_text(outcome.old_codes), count_text(outcome.old_codes_changed),
                           count_text(outcome.new_codes), count_text(outcome.new_items)));
    for (const Rejection& one : outcome.failed) print_line(fmt::format("not encoded: {}: {}", one.place, one.reason));
    Table table({"direction", "bits", "old before", "old after", "new before", "new after", "new, learned codes"});
    for (const UpdateMeasure& one : outcome.measures)
      table.add({one.direction, std::to_string(outcome.measured_bits), figure_text(one.old_before),
                 figure_text(one.old_after), figure_text(one.new_before), figure_text(one.new_after),
                 figure_text(one.new_learned)});
    table.print();
    print_line(fmt::format("mAP of {} queries of known and {} of new categories, relevant = {}",
                           count_text(outcome.query_items_old), count_text(outcome.query_items_new),
                           outcome.relevance));
    print_line(fmt::format("learnt in {}, encoded in {}, measured in {}", seconds_text(outcome.train_seconds),
                           seconds_text(outcome.encode_seconds), seconds_text(outcome.measure_seconds)));
  }

  UpdateRequest request_;
};

}  // namespace

std::unique_ptr<Verb> make_update_verb() { return std::make_unique<UpdateVerb>(); }

}  // namespace warifu
