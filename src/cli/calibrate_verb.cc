#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/calibrate.h"

namespace warifu {
namespace {

class CalibrateVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--space", request_.space, "code space (default: the only one, or 'contrastive')");
    flags.value("--bits", request_.bits, "code length (default: the longest)");
    flags.value("--relevance", request_.relevance, "what makes a hit right: any:COLUMNS or all:COLUMNS")
        ->capture_default_str();
    flags.value("--seed", request_.seed, "of the words that are drawn as queries")->capture_default_str();
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    const auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto report = calibrate(*workspace, request_, *invocation.progress);
    if (!report) return std::unexpected(report.error());
    if (*form == OutputForm::kTable) {
      print_table(*report);
      return 0;
    }
    Json weights = Json::array();
    for (const auto& [weight, map] : report->map_by_word_weight)
      weights.push_back({{"word_weight", weight}, {"map", map}});
    Json curve = Json::array();
    for (const ReliabilityBin& bin : report->reliability)
      curve.push_back({{"predicted", bin.predicted}, {"observed", bin.observed}, {"hits", bin.hits}});
    print_json({{"space", report->space},
                {"bits", report->bits},
                {"relevance", request_.relevance},
                {"items", report->items},
                {"queries", report->queries},
                {"hits", report->hits},
                {"weights", weights},
                {"word_weight", report->word_weight},
                {"reliability", curve},
                {"calibration_error", report->calibration_error}},
               *form);
    return 0;
  }

 private:
  static void print_table(const CalibrateReport& report) {
    Table weights({"words count", "mAP of words"});
    for (const auto& [weight, map] : report.map_by_word_weight)
      weights.add({fixed(weight, 2) + (weight == report.word_weight ? " *" : ""), fixed(map, 3)});
    weights.print();
    Table curve({"predicted", "observed", "hits"});
    for (const ReliabilityBin& bin : report.reliability)
      curve.add({fixed(bin.predicted, 2), fixed(bin.observed, 2), count_text(bin.hits)});
    curve.print();
    print_line(fmt::format("{} hits of {} queries; predicted and observed differ by {} on average",
                           count_text(report.hits), count_text(report.queries), fixed(report.calibration_error, 3)));
  }

  CalibrateRequest request_;
};

}  // namespace

std::unique_ptr<Verb> make_calibrate_verb() { return std::make_unique<CalibrateVerb>(); }

}  // namespace warifu
