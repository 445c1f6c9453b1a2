#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/index_items.h"

namespace warifu {
namespace {

class IndexVerb final : public Verb {
 public:
  void declare(Flags& flags) override { flags.value("--space", space_, "code space (default: all of them)"); }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    std::vector<std::string> spaces = workspace->space_names();
    if (!space_.empty() || spaces.empty()) spaces = {space_.empty() ? "contrastive" : space_};
    for (const std::string& space : spaces) {
      const auto report = index_items(*workspace, space, *invocation.progress);
      if (!report) return std::unexpected(report.error());
      print(*report, *form);
    }
    return 0;
  }

 private:
  static void print(const IndexReport& report, OutputForm form) {
    if (form == OutputForm::kTable) {
      for (const Rejection& failure : report.failed)
        print_line(fmt::format("not encoded: {}: {}", failure.place, failure.reason));
      print_line(fmt::format("space '{}': encoded {} pictures, {} texts and {} pairs in {}", report.space,
                             count_text(report.encoded.at("image")), count_text(report.encoded.at("text")),
                             count_text(report.encoded.at("both")), seconds_text(report.seconds)));
      print_line(fmt::format("it holds codes of {} pictures, {} texts and {} pairs in {}",
                             count_text(report.codes.at("image")), count_text(report.codes.at("text")),
                             count_text(report.codes.at("both")), bytes_text(static_cast<double>(report.bytes))));
      return;
    }
    Json failed = Json::array();
    for (const Rejection& failure : report.failed)
      failed.push_back({{"id", failure.place}, {"reason", failure.reason}});
    print_json({{"space", report.space},
                {"bits", report.bits},
                {"encoded", report.encoded},
                {"codes", report.codes},
                {"failed", failed},
                {"bytes", report.bytes},
                {"seconds", report.seconds}},
               form);
  }

  std::string space_;
};

}  // namespace

std::unique_ptr<Verb> make_index_verb() { return std::make_unique<IndexVerb>(); }

}  // namespace warifu
