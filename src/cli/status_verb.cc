#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/status.h"

namespace warifu {
namespace {

class StatusVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.toggle("--rejected", rejected_, "list every rejected item with its reason");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto status = status_of(*workspace);
    if (!status) return std::unexpected(status.error());
    if (*form == OutputForm::kTable) {
      print_table(*status);
    } else {
      print_json(to_json(*status), *form);
    }
    return 0;
  }

 private:
  Json to_json(const WorkspaceStatus& status) const {
    Json splits = Json::object();
    for (const auto& [name, size] : status.splits) splits[name] = size;
    Json spaces = Json::array();
    for (const SpaceStatus& space : status.spaces) {
      spaces.push_back({{"name", space.name},
                        {"method", space.method},
                        {"bits", space.bits},
                        {"image_encoder", space.image_encoder},
                        {"text_encoder", space.text_encoder},
                        {"codes", space.codes},
                        {"problem", space.problem}});
      if (!space.caveat.empty()) spaces.back()["caveat"] = space.caveat;
      if (space.generation > 1) spaces.back()["generation"] = space.generation;
    }
    Json object{{"items", status.counts.items},
                {"with_image", status.counts.with_image},
                {"with_text", status.counts.with_text},
                {"with_both", status.counts.with_both},
                {"rejected", status.counts.rejections},
                {"label_columns", status.label_columns},
                {"splits", splits},
                {"spaces", spaces}};
    if (rejected_) {
      object["rejections"] = Json::array();
      for (const Rejection& rejection : status.rejections)
        object["rejections"].push_back(
            {{"place", rejection.place}, {"reason", rejection.reason}, {"hint", rejection.hint}});
    }
    return object;
  }

  void print_table(const WorkspaceStatus& status) const {
    print_line(fmt::format("{} items: {} with a picture, {} with a text, {} with both; {} rejected",
                           count_text(status.counts.items), count_text(status.counts.with_image),
                           count_text(status.counts.with_text), count_text(status.counts.with_both),
                           count_text(status.counts.rejections)));
    for (const auto& [name, size] : status.splits) print_line(fmt::format("split {}: {}", name, count_text(size)));
    if (!status.label_columns.empty())
      print_line(fmt::format("label columns: {}", fmt::join(status.label_columns, ", ")));
    for (const SpaceStatus& space : status.spaces) {
      if (!space.problem.empty()) {
        print_line(fmt::format("space {}: {}", space.name, space.problem));
        continue;
      }
      print_line(fmt::format("space {}: {}{} ({} / {}), {} bits, codes of {} pictures, {} texts, {} pairs", space.name,
                             space.method, space.caveat.empty() ? "" : " with " + space.caveat, space.image_encoder,
                             space.text_encoder, fmt::join(space.bits, "/"), count_text(space.codes.at("image")),
                             count_text(space.codes.at("text")), count_text(space.codes.at("both"))));
    }
    if (!rejected_) return;
    for (const Rejection& rejection : status.rejections)
      print_line(fmt::format("rejected: {}: {}{}", rejection.place, rejection.reason,
                             rejection.hint.empty() ? "" : "  (" + rejection.hint + ")"));
  }

  bool rejected_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_status_verb() { return std::make_unique<StatusVerb>(); }

}  // namespace warifu
