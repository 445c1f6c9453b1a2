#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/access.h"

namespace warifu {
namespace {

constexpr std::size_t kShownItems = 3;  // of an entry in the table

// A line of the log as JSON; one that somebody spoilt as it is.
Json entry_json(const std::string& line) {
  Json entry = Json::parse(line, nullptr, false);
  return entry.is_object() ? entry : Json{{"unreadable", line}};
}

// What an entry says, for a terminal.
std::string shown(const Json& entry, const char* name) {
  const auto at = entry.find(name);
  if (at == entry.end()) return "";
  return one_line(at->is_string() ? at->get<std::string>() : at->dump());
}

std::string shown_items(const Json& entry) {
  const auto items = entry.find("items");
  if (items == entry.end() || !items->is_array()) return "";
  std::string text;
  for (std::size_t i = 0; i < std::min(items->size(), kShownItems); ++i) {
    if (i > 0) text += ", ";
    text += shown(Json{{"item", items->at(i)}}, "item");
  }
  if (items->size() > kShownItems) text += fmt::format(" and {} more", items->size() - kShownItems);
  return text;
}

class AuditVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.argument("what", what_, "verify or show")->required();
    flags.value("--head", head_, "verify: a head that was noted earlier; shows whether the log was cut since");
    flags.value("--last", last_, "show: how many entries, the newest at the end")->capture_default_str();
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    if (what_ == "verify") return verify(invocation, *form);
    if (what_ == "show") return show(invocation, *form);
    return fail(ErrorCode::kInvalidArgument, "audit cannot '" + what_ + "'", "use verify or show");
  }

 private:
  Result<int> verify(const Invocation& invocation, OutputForm form) const {
    const auto report =
        verify_audit_of(invocation.workspace, head_.empty() ? std::nullopt : std::optional<std::string>(head_));
    if (!report) return std::unexpected(report.error());
    if (form == OutputForm::kTable) {
      for (const AuditProblem& problem : report->problems) print_line(problem.place + ": " + problem.what);
      if (report->problem_count > report->problems.size())
        print_line(fmt::format("and {} more", count_text(report->problem_count - report->problems.size())));
      print_line(fmt::format("{} entries: {}", count_text(report->lines),
                             report->intact() ? "the chain holds" : "somebody changed them, see above"));
      print_line("head " + report->head);
    } else {
      Json object{{"intact", report->intact()},   {"lines", report->lines}, {"first_seq", report->first_seq},
                  {"last_seq", report->last_seq}, {"head", report->head},   {"problem_count", report->problem_count},
                  {"problems", Json::array()}};
      if (report->expected_seq) object["expected_seq"] = *report->expected_seq;
      for (const AuditProblem& problem : report->problems)
        object["problems"].push_back({{"place", problem.place}, {"what", problem.what}});
      print_json(object, form);
    }
    return report->intact() ? 0 : exit_status(ErrorCode::kBadFormat);
  }

  Result<int> show(const Invocation& invocation, OutputForm form) const {
    const auto lines = last_audit_lines_of(invocation.workspace, last_);
    if (!lines) return std::unexpected(lines.error());
    Table table({"time", "who", "key", "action", "items", "outcome", "status"});
    Json all = Json::array();
    for (const std::string& line : *lines) {
      const Json entry = entry_json(line);
      if (form == OutputForm::kJsonl) {
        print_json(entry, form);
      } else if (form == OutputForm::kJson) {
        all.push_back(entry);
      } else if (entry.contains("unreadable")) {
        table.add({"?", "", "", "unreadable", "", "", ""});
      } else {
        table.add({shown(entry, "time"), shown(entry, "who"), shown(entry, "key"), shown(entry, "action"),
                   shown_items(entry), shown(entry, "outcome"), shown(entry, "status")});
      }
    }
    if (form == OutputForm::kJson) print_json({{"entries", std::move(all)}}, form);
    if (form == OutputForm::kTable) table.print();
    return 0;
  }

  std::string what_;
  std::string head_;
  std::size_t last_ = 20;
};

}  // namespace

std::unique_ptr<Verb> make_audit_verb() { return std::make_unique<AuditVerb>(); }

}  // namespace warifu
