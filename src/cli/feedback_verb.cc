#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/feedback.h"
#include "io/trec.h"
#include "security/access_store.h"

namespace warifu {
namespace {

std::string asked(const JudgedQuery& query) {
  if (!query.item_id.empty()) return "like " + query.item_id;
  if (query.picture.empty()) return query.text;
  return query.text.empty() ? "a picture" : query.text + " and a picture";
}

class FeedbackVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--queries", queries_, "write the judged queries there, as 'warifu search --queries' reads them");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "jsonl", "qrels"});
    if (!form) return std::unexpected(form.error());
    const auto feedback = feedback_of(invocation.workspace);
    if (!feedback) return std::unexpected(feedback.error());
    if (!queries_.empty())
      if (auto written = write_judged_queries(queries_, *feedback); !written) return std::unexpected(written.error());
    if (*form == OutputForm::kQrels) {
      for (const AgreedJudgement& one : agreed(feedback->judgements))
        print_line(fmt::format("{} 0 {} {}", trec_id(one.query), trec_id(one.item), one.right ? 1 : 0));
    } else if (*form == OutputForm::kJsonl) {
      for (const Judgement& one : feedback->judgements) print_json(to_json(one, *feedback), *form);
    } else {
      print_table(*feedback);
    }
    return 0;
  }

 private:
  static Json to_json(const Judgement& one, const WorkspaceFeedback& feedback) {
    Json json = {{"time", utc_text(one.time)},
                 {"who", one.who},
                 {"query", one.query.id()},
                 {"text", one.query.text},
                 {"item_id", one.query.item_id},
                 {"image", feedback.picture(one.query).string()},
                 {"id", one.item},
                 {"right", one.right}};
    if (one.rank) json["rank"] = *one.rank;
    if (one.distance) json["distance"] = *one.distance;
    if (!one.confidence.empty()) json["confidence"] = one.confidence;
    return json;
  }

  static void print_table(const WorkspaceFeedback& feedback) {
    Table table({"time", "who", "asked", "item", "judged", "rank", "confidence"});
    std::size_t right = 0;
    for (const Judgement& one : feedback.judgements) {
      right += one.right ? 1 : 0;
      table.add({utc_text(one.time), one_line(one.who), one_line(asked(one.query)), one_line(one.item),
                 one.right ? "right" : "wrong", one.rank ? std::to_string(*one.rank) : "", one.confidence});
    }
    if (!feedback.judgements.empty()) table.print();
    print_line(fmt::format("{} right, {} wrong", count_text(right), count_text(feedback.judgements.size() - right)));
  }

  std::string queries_;
};

}  // namespace

std::unique_ptr<Verb> make_feedback_verb() { return std::make_unique<FeedbackVerb>(); }

}  // namespace warifu
