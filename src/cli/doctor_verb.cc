#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/doctor.h"

namespace warifu {
namespace {

constexpr const char* state_name(Finding::State state) {
  switch (state) {
    case Finding::State::kDamaged:
      return "damaged";
    case Finding::State::kRepaired:
      return "repaired";
    case Finding::State::kAdvice:
      return "advice";
  }
  return "?";
}

class DoctorVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.toggle("--repair", repair_, "put codes together again from what is intact; damaged files are set aside");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    const auto report = examine(invocation.workspace, repair_, *invocation.progress);
    if (!report) return std::unexpected(report.error());
    if (*form == OutputForm::kTable) {
      print_table(*report);
    } else {
      print_json(to_json(*report), *form);
    }
    return report->healthy() ? 0 : exit_status(ErrorCode::kBadFormat);
  }

 private:
  static Json to_json(const DoctorReport& report) {
    Json findings = Json::array();
    for (const Finding& finding : report.findings)
      findings.push_back({{"place", finding.place},
                          {"what", finding.what},
                          {"state", state_name(finding.state)},
                          {"hint", finding.hint}});
    return {{"healthy", report.healthy()}, {"checked", report.checked}, {"findings", findings}};
  }

  static void print_table(const DoctorReport& report) {
    for (const Finding& finding : report.findings) {
      print_line(fmt::format("{}: {}: {}", state_name(finding.state), finding.place, finding.what));
      if (!finding.hint.empty()) print_line("  " + finding.hint);
    }
    print_line(fmt::format("{} files and folders looked at: {}", count_text(report.checked),
                           report.healthy() ? "nothing is damaged" : "see above"));
  }

  bool repair_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_doctor_verb() { return std::make_unique<DoctorVerb>(); }

}  // namespace warifu
