#include <fmt/format.h>

#include "cli/named_share.h"
#include "cli/verb.h"
#include "engine/evaluate_space.h"
#include "engine/evaluations.h"

namespace warifu {
namespace {

double at_10(const std::map<std::size_t, double>& values) {
  const auto found = values.find(10);
  return found == values.end() ? 0 : found->second;
}

class EvaluateVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--space", request_.space, "code space (default: the only one, or 'contrastive')");
    flags.list("--bits", request_.bits, "code lengths (default: all)");
    flags.toggle("--real", request_.real,
                 "rank by cosine in the real-valued common space, by the present model, instead of by codes");
    flags
        .value("--relevance", request_.relevance,
               "any:COLUMNS (share a value in one), all:COLUMNS (in every one), graded:COLUMNS; no columns: every "
               "label column")
        ->capture_default_str();
    flags.value("--database", database_,
                "half that answers: text, image or both (default: the opposite of the query's, both directions)");
    flags.value("--query-split", request_.query_split, "items that ask")->capture_default_str();
    flags.value("--database-split", request_.database_split, "items that answer")->capture_default_str();
    flags.value("--train-in-database", train_in_database_, "yes or no: whether train items may answer")
        ->capture_default_str();
    flags.value("--missing", missing_,
                "text:0.5 or image:0.5 leaves that half of a share of all items out of their codes (--database both)");
    flags.list("--cutoffs", request_.metrics.cutoffs, "k of precision, recall and nDCG")->capture_default_str();
    flags.value("--bootstrap-samples", request_.metrics.bootstrap_samples, "of the 95% interval")
        ->capture_default_str();
    flags.value("--seed", request_.metrics.seed, "of the bootstrap")->capture_default_str();
    flags.value("--run-folder", request_.run_folder, "write TREC run and qrels files there");
    flags.value("--run-depth", request_.run_depth, "ranks a query in the run files")->capture_default_str();
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    if (!database_.empty()) {
      const auto modality = parse_modality(database_);
      if (!modality) return std::unexpected(modality.error());
      request_.database = *modality;
    }
    if (train_in_database_ != "yes" && train_in_database_ != "no")
      return fail(ErrorCode::kInvalidArgument, "--train-in-database '" + train_in_database_ + "'", "use yes or no");
    request_.train_in_database = train_in_database_ == "yes";
    if (auto missing = parse_missing(); !missing) return std::unexpected(missing.error());
    const auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto report = evaluate_space(*workspace, request_, *invocation.progress);
    if (!report) return std::unexpected(report.error());
    if (auto kept = keep_evaluation(*workspace, request_, *report); !kept)
      invocation.progress->note("the result is not kept in the workspace: " + kept.error().message);
    if (*form == OutputForm::kTable) {
      print_table(*report);
    } else {
      print_json(to_json(*report), *form);
    }
    return 0;
  }

 private:
  Result<void> parse_missing() {
    if (missing_.empty()) return {};
    const auto named = parse_named_share(missing_);
    const auto modality = parse_modality(named ? named->name : "");
    if (!modality || *modality == Modality::kBoth)
      return fail(ErrorCode::kInvalidArgument, "missing '" + missing_ + "' is not text:SHARE or image:SHARE",
                  "for example --missing text:0.5");
    request_.missing = *modality;
    request_.missing_share = named->share;
    return {};
  }

  Json to_json(const EvaluateReport& report) const {
    Json json = evaluation_json(report);
    json["protocol"] = "hash-all";
    json["train_items_in_database"] = report.train_in_database;
    json["query_items_in_database"] = report.query_in_database;
    json["seed"] = request_.metrics.seed;
    for (const DirectionResult& result : report.random)
      json["random"].push_back({{"direction", result.direction}, {"map", result.metrics.map}});
    json["timing"] = {{"load_seconds", report.load_seconds},
                      {"relevance_seconds", report.relevance_seconds},
                      {"evaluate_seconds", report.evaluate_seconds}};
    Json& code_bytes = json["storage"]["code_bytes_per_item"] = Json::object();
    for (const auto& [bits, bytes] : report.code_bytes_per_item) code_bytes[std::to_string(bits)] = bytes;
    Json& files = json["files"] = Json::array();
    for (const auto& file : report.files) files.push_back(file.string());
    if (!report.missing.empty()) json["missing"] = {{"half", report.missing}, {"share", report.missing_share}};
    return json;
  }

  void print_table(const EvaluateReport& report) const {
    print_line(fmt::format("space '{}' ({}): {} queries, {} database items ({} of them trained on), relevant = {}",
                           report.space, report.method, count_text(report.query_items),
                           count_text(report.database_items), count_text(report.train_in_database), report.relevance));
    if (!report.caveat.empty())
      print_line("NOT STRICT, " + report.caveat + ": the codes are made from more than the half that asks or answers");
    if (!report.missing.empty())
      print_line(fmt::format("the {} of {:.0f}% of all items was left out of their codes", report.missing,
                             100 * report.missing_share));
    Table table({"direction", "bits", "mAP", "95% interval", "worst ties", "best ties", "P@10", "R@10", "nDCG@10"});
    for (const DirectionResult& result : report.results) {
      const Metrics& m = result.metrics;
      table.add({result.direction, result.real_width > 0 ? "real" : std::to_string(result.bits), fixed(m.map, 3),
                 "[" + fixed(m.ci95_low, 3) + ", " + fixed(m.ci95_high, 3) + "]", fixed(m.map_low, 3),
                 fixed(m.map_high, 3), fixed(at_10(m.precision_at), 3), fixed(at_10(m.recall_at), 3),
                 fixed(at_10(m.ndcg_at), 3)});
    }
    for (const DirectionResult& result : report.random) {
      const Metrics& m = result.metrics;
      table.add({result.direction, "random", fixed(m.map, 3), "", "", "", fixed(at_10(m.precision_at), 3),
                 fixed(at_10(m.recall_at), 3), fixed(at_10(m.ndcg_at), 3)});
    }
    table.print();
    print_line(fmt::format("mAP is the expectation over the order of equal {}; measured in {}",
                           request_.real ? "cosines" : "distances",
                           seconds_text(report.evaluate_seconds + report.relevance_seconds)));
    for (const auto& file : report.files) print_line("wrote " + file.string());
  }

  EvaluateRequest request_;
  std::string database_;
  std::string train_in_database_ = "yes";
  std::string missing_;
};

}  // namespace

std::unique_ptr<Verb> make_evaluate_verb() { return std::make_unique<EvaluateVerb>(); }

}  // namespace warifu
