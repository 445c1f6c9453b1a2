#include <fmt/format.h>

#include "cli/query_list.h"
#include "cli/verb.h"
#include "engine/contact_sheet.h"
#include "engine/find_items.h"
#include "io/trec.h"

namespace warifu {
namespace {

constexpr std::int64_t kMaxHits = 1'000'000'000;
constexpr std::size_t kShownText = 60;  // characters of a text in the table

// The first characters of a text, cut between code points.
std::string shorten(const std::string& text) {
  if (text.size() <= kShownText) return text;
  std::size_t end = kShownText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\t' || c == '\n' || c == '\r') c = ' ';
  return text;
}

Json labels_json(const Item& item) {
  Json labels = Json::object();
  for (const Label& label : item.labels) labels[label.column].push_back(label.value);
  return labels;
}

Json hit_json(const FoundItem& found, const std::string& query) {
  Json hit{{"type", "hit"},
           {"rank", found.rank},
           {"id", found.item.id},
           {"modality", modality_name(found.hit.modality)},
           {"distance", found.hit.distance},
           {"score", found.hit.score},
           {"uri", found.picture.string()},
           {"channels", {"code"}},
           {"text", found.item.text.value_or("")},
           {"labels", labels_json(found.item)}};
  if (!query.empty()) hit["query"] = query;
  return hit;
}

class SearchVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--text", text_, "words to look for");
    flags.value("--image", image_, "picture to look for");
    flags.value("--like", like_, "id of an item: more like this");
    flags.value("--queries", queries_,
                "file of queries, one a line: words, or {\"id\",\"text\",\"image\",\"like\",\"find\"}");
    flags.value("--space", space_, "code space (default: the only one, or 'contrastive')");
    flags.value("--bits", bits_, "code length (default: the longest)");
    flags.value("-k,--k", k_, "hits to show")->capture_default_str();
    flags
        .value("--find", find_, "match against the items' image or text half, any of the two, or the one code of both")
        ->capture_default_str();
    flags.value("--filter", filters_, "COLUMN=VALUE; may be repeated, all must hold");
    flags.value("--sheet", sheet_, "also write a contact sheet: FILE.html or FILE.png");
    flags.toggle("-0,--print0", print0_, "with --output paths: end paths with a zero byte");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl", "tsv", "trec", "paths"});
    if (!form) return std::unexpected(form.error());
    const auto queries = collect_queries();
    if (!queries) return std::unexpected(queries.error());
    auto workspace = Workspace::open(invocation.workspace);
    if (!workspace) return std::unexpected(workspace.error());
    const auto finder = Finder::open(*workspace, space_, bits_);
    if (!finder) return std::unexpected(finder.error());
    std::vector<SheetRow> sheet;
    std::size_t hits = 0;
    Json all = Json::array();
    for (const NamedQuery& query : *queries) {
      const auto found = finder->find(query.request);
      if (!found) {
        if (queries->size() == 1) return std::unexpected(found.error());
        return with_context("query " + query.id, found.error());
      }
      hits += found->size();
      const std::string name = queries_.empty() ? "" : query.id;
      if (*form == OutputForm::kJson) {
        for (const FoundItem& item : *found) all.push_back(hit_json(item, name));
      } else {
        print(*found, query, name, finder->space(), *form);
      }
      if (!sheet_.empty())
        sheet.push_back({query.request.text.value_or(query.request.like.value_or("")), query.request.image, *found});
    }
    if (*form == OutputForm::kJson)
      print_json({{"space", finder->space().name}, {"bits", finder->space().bits}, {"hits", all}}, *form);
    if (!sheet_.empty())
      if (auto written = write_contact_sheet(sheet_, "Warifu: space " + finder->space().name, sheet); !written)
        return std::unexpected(written.error());
    return hits > 0 ? 0 : 1;
  }

 private:
  Result<std::vector<NamedQuery>> collect_queries() const {
    const auto find = parse_find(find_);
    if (!find) return std::unexpected(find.error());
    FindRequest request;
    request.find = *find;
    request.k = static_cast<std::size_t>(k_);
    request.filters = filters_;
    if (k_ < 1 || k_ > kMaxHits)
      return fail(ErrorCode::kInvalidArgument,
                  "-k " + std::to_string(k_) + " is not in 1 … " + std::to_string(kMaxHits));
    if (!queries_.empty() && !(text_.empty() && image_.empty() && like_.empty()))
      return fail(ErrorCode::kInvalidArgument, "--queries beside --text, --image or --like",
                  "put every query into the file");
    if (!queries_.empty()) return read_queries(queries_, request);
    if (!text_.empty()) request.text = text_;
    if (!image_.empty()) request.image = image_;
    if (!like_.empty()) request.like = like_;
    if (!request.text && !request.image && !request.like)
      return fail(ErrorCode::kInvalidArgument, "nothing to search for",
                  "give --text, --image, both, --like ID or --queries FILE");
    return std::vector{NamedQuery{"1", request}};
  }

  void print(const std::vector<FoundItem>& found, const NamedQuery& query, const std::string& name,
             const CodeSpace& space, OutputForm form) const {
    switch (form) {
      case OutputForm::kTable: {
        if (!name.empty())
          print_line("query " + name + ": " + query.request.text.value_or(query.request.image.value_or("").string()));
        Table table({"rank", "id", "by", "distance", "text", "picture"});
        for (const FoundItem& item : found)
          table.add({std::to_string(item.rank), item.item.id, modality_name(item.hit.modality),
                     fmt::format("{}/{}", item.hit.distance, space.bits),
                     shorten(one_line(item.item.text.value_or(""))), item.picture.string()});
        table.print();
        if (found.empty()) print_line("nothing found");
        return;
      }
      case OutputForm::kJson:
      case OutputForm::kJsonl:
        for (const FoundItem& item : found) print_json(hit_json(item, name), OutputForm::kJsonl);
        return;
      case OutputForm::kTsv:
        for (const FoundItem& item : found)
          print_line(fmt::format("{}\t{}\t{}\t{}\t{}\t{}", query.id, item.rank, one_line(item.item.id),
                                 item.hit.distance, one_line(item.picture.string()),
                                 one_line(item.item.text.value_or(""))));
        return;
      case OutputForm::kTrec:
        for (const FoundItem& item : found)
          print_line(fmt::format("{} Q0 {} {} {} warifu-{}", trec_id(query.id), trec_id(item.item.id), item.rank,
                                 -static_cast<double>(item.rank), space.name));
        return;
      case OutputForm::kPaths:
        for (const FoundItem& item : found) {
          if (item.picture.empty()) continue;
          if (print0_) {
            fmt::print("{}", item.picture.string());
            std::fputc('\0', stdout);
          } else {
            print_line(item.picture.string());
          }
        }
        return;
    }
  }

  std::string text_;
  std::string image_;
  std::string like_;
  std::filesystem::path queries_;
  std::string space_;
  std::uint32_t bits_ = 0;
  std::int64_t k_ = 10;
  std::string find_ = "any";
  std::vector<std::string> filters_;
  std::filesystem::path sheet_;
  bool print0_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_search_verb() { return std::make_unique<SearchVerb>(); }

}  // namespace warifu
