#include <fmt/format.h>

#include "base/join.h"
#include "cli/verb.h"
#include "engine/ingest.h"

namespace warifu {
namespace {

constexpr std::size_t kShownRejections = 20;  // of a table; JSON has them all

Json rejection_json(const Rejection& rejection) {
  return {{"place", rejection.place}, {"reason", rejection.reason}, {"hint", rejection.hint}};
}

Json anonymised_json(const std::optional<AnonymiseCounts>& counts) {
  if (!counts) return nullptr;
  Json masked = Json::object();
  for (const auto& [rule, places] : counts->masked) masked[rule] = places;
  return {{"masked", masked},
          {"pictures", counts->pictures},
          {"faces", counts->faces},
          {"plates", counts->plates},
          {"telling_ids", counts->telling_ids}};
}

void print_anonymised(const AnonymiseCounts& counts) {
  const std::string masked =
      join(counts.masked, [](const auto& rule) { return rule.first + " " + count_text(rule.second); });
  print_line(fmt::format("anonymised: {}; {} pictures written anew, {} faces and {} plates blurred",
                         masked.empty() ? "nothing masked" : "masked " + masked, count_text(counts.pictures),
                         count_text(counts.faces), count_text(counts.plates)));
}

Json summary_json(const IngestReport& report) {
  Json splits = Json::object();
  for (const auto& [name, size] : report.splits) splits[name] = size;
  return {{"items", report.items},
          {"added", report.added},
          {"updated", report.updated},
          {"unchanged", report.unchanged},
          {"replaced", report.replaced},
          {"rejected", report.rejected.size()},
          {"pictures_not_found", report.pictures_not_found},
          {"splits", splits},
          {"anonymised", anonymised_json(report.anonymised)},
          {"unknown_split_ids", report.unknown_split_ids},
          {"stopped", report.stopped},
          {"seconds", report.seconds}};
}

void print_table(const IngestReport& report) {
  if (!report.rejected.empty()) {
    print_line(fmt::format("{} rejected:", count_text(report.rejected.size())));
    for (std::size_t i = 0; i < std::min(report.rejected.size(), kShownRejections); ++i) {
      const Rejection& rejection = report.rejected[i];
      print_line(fmt::format("  {}: {}{}", rejection.place, rejection.reason,
                             rejection.hint.empty() ? "" : "  (" + rejection.hint + ")"));
    }
    if (report.rejected.size() > kShownRejections)
      print_line(fmt::format("  … and {} more: warifu status --rejected", report.rejected.size() - kShownRejections));
  }
  print_line(fmt::format("{} added, {} updated, {} unchanged, {} rejected; {} items in {}", count_text(report.added),
                         count_text(report.updated), count_text(report.unchanged), count_text(report.rejected.size()),
                         count_text(report.items), seconds_text(report.seconds)));
  if (report.pictures_not_found > 0)
    print_line(fmt::format("{} picture files were not there; those items were kept without",
                           count_text(report.pictures_not_found)));
  const std::string splits =
      join(report.splits, [](const auto& split) { return split.first + " " + count_text(split.second); });
  if (!splits.empty()) print_line("splits: " + splits);
  if (report.anonymised) print_anonymised(*report.anonymised);
}

class IngestVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    SourceOptions& source = options_.source;
    flags.argument("PATH", path_, "folder, .csv, .tsv, .jsonl, .tar, .mat (or a folder of .mat)");
    flags.value("--format", source.format, "auto, folder, csv, jsonl, webdataset, mat or features")
        ->capture_default_str();
    flags.list("--label-columns", source.label_columns, "columns that are labels: a,b");
    flags.value("--label-separator", source.label_separator,
                "\"a|b\" in a label column is two labels for '|' (default: one)");
    flags.value("--id-column", source.id_column, "column of the id")->capture_default_str();
    flags.value("--image-column", source.image_column, "column of the picture's path")->capture_default_str();
    flags.value("--text-column", source.text_column, "column of the text")->capture_default_str();
    flags.value("--group-column", source.group_column,
                "column of the groups that may see an item: \"a|b\", or * for everybody");
    flags.list("--groups", groups_,
               "groups that may see every item of this run: a,b, or * for everybody (default: as they are in the "
               "workspace; new items: everybody)");
    flags.value("--image-root", source.image_root, "relative picture paths start here (default: beside the source)");
    flags.value("--image-features", source.image_features,
                ".npy or .npy.gz with one row an item, in the source's order");
    flags.value("--text-features", source.text_features, "the same for texts");
    flags.value("--ids", source.ids, "format features: one id a line");
    flags.value("--labels", source.labels, "format features: one line an item, values separated by tab or comma");
    flags.value("--splits", options_.splits,
                "folder with query.txt, train.txt, database.txt: one id a line (default: drawn)");
    flags.toggle("--allow-missing", options_.allow_missing_pictures, "keep items whose picture file is not there");
    flags.value("--max-image-megapixels", options_.limits.max_megapixels, "larger pictures are refused")
        ->capture_default_str();
    flags.value("--seed", options_.seed, "of drawn splits")->capture_default_str();
    flags.toggle("--anonymise", anonymise_,
                 "mask e-mail, phone and employee numbers, blur faces and number plates, keep no metadata; the "
                 "workspace remembers it");
    flags.toggle("--no-anonymise", options_.without_anonymising,
                 "not these items, although the workspace remembers it");
    flags.value("--anonymise-rules", rules_.rules, "rule file (TOML) that changes what is masked; with --anonymise");
    flags.value("--originals", originals_,
                "with --anonymise: path (default: remember where they lie) or never (keep nothing about them)");
    flags.toggle("--strict", strict_, "exit with status 1 if any item was rejected");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    if (path_.empty() && options_.source.format != "features")
      return fail(ErrorCode::kInvalidArgument, "nothing to ingest", "name a folder or file: warifu ingest photos/");
    if (auto chosen = choose_anonymising(); !chosen) return std::unexpected(chosen.error());
    if (!groups_.empty()) {
      options_.groups = groups_;
      std::erase(*options_.groups, "*");
    }
    const auto report = ingest(invocation.workspace, path_, options_, *invocation.progress);
    if (!report) return std::unexpected(report.error());
    if (*form == OutputForm::kTable) {
      print_table(*report);
    } else if (*form == OutputForm::kJson) {
      Json object = summary_json(*report);
      object["rejections"] = Json::array();
      for (const Rejection& rejection : report->rejected) object["rejections"].push_back(rejection_json(rejection));
      print_json(object, *form);
    } else {
      for (const Rejection& rejection : report->rejected) {
        Json line{{"type", "rejected"}};
        line.update(rejection_json(rejection));
        print_json(line, *form);
      }
      Json line{{"type", "summary"}};
      line.update(summary_json(*report));
      print_json(line, *form);
    }
    return strict_ && !report->rejected.empty() ? 1 : 0;
  }

 private:
  Result<void> choose_anonymising() {
    if (!anonymise_ && (!rules_.rules.empty() || !originals_.empty()))
      return fail(ErrorCode::kInvalidArgument, "--anonymise-rules and --originals say how to anonymise",
                  "add --anonymise");
    if (!originals_.empty() && originals_ != "path" && originals_ != "never")
      return fail(ErrorCode::kInvalidArgument, "--originals '" + originals_ + "'", "use path or never");
    if (!originals_.empty()) rules_.keep_original_path = originals_ == "path";
    if (anonymise_) options_.anonymise = rules_;
    return {};
  }

  std::filesystem::path path_;
  std::vector<std::string> groups_;
  IngestOptions options_;
  bool anonymise_ = false;
  AnonymiseOptions rules_;
  std::string originals_;
  bool strict_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_ingest_verb() { return std::make_unique<IngestVerb>(); }

}  // namespace warifu
