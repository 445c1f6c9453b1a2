#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "cli/query_list.h"
#include "cli/verb.h"
#include "engine/contact_sheet.h"
#include "engine/find_items.h"
#include "io/trec.h"
#include "server/remote_finder.h"

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

Json labels_json(const Item& item) {
  Json labels = Json::object();
  for (const Label& label : item.labels) labels[label.column].push_back(label.value);
  return labels;
}

Json hit_json(const FoundItem& found, const std::string& query) {
  Json hit{{"type", "hit"},
           {"rank", found.rank},
           {"id", found.item.id},
           {"modality", modality_name(found.modality)},
           {"distance", found.distance ? Json(*found.distance) : Json()},
           {"score", found.score},
           {"uri", found.picture.string()},
           {"channels", found.channels},
           {"text", found.item.text.value_or("")},
           {"labels", labels_json(found.item)}};
  if (!found.matched_words.empty()) hit["words"] = found.matched_words;
  if (found.probability) {
    hit["probability"] = *found.probability;
    hit["confidence"] = confidence_name(confidence_of(*found.probability));
  }
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
    flags.value(
        "--code-weight", code_weight_,
        "what the ranking by codes counts where there are words too; 0: not asked (default: as calibrated, or 1)");
    flags.value("--word-weight", word_weight_, "the same of the ranking by keywords");
    flags.value("--filter", filters_, "COLUMN=VALUE; may be repeated, all must hold");
    flags
        .value(
            "--server", server_,
            "auto: ask the workspace's running server, if there is one, else search here; none: search here. A server "
            "with users is asked with the key in WARIFU_KEY")
        ->capture_default_str();
    flags.value("--sheet", sheet_, "also write a contact sheet: FILE.html or FILE.png");
    flags.toggle("-0,--print0", print0_, "with --output paths: end paths with a zero byte");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl", "tsv", "trec", "paths"});
    if (!form) return std::unexpected(form.error());
    const auto queries = collect_queries();
    if (!queries) return std::unexpected(queries.error());
    if (auto opened = open(invocation.workspace); !opened) return std::unexpected(opened.error());
    std::vector<SheetRow> sheet;
    std::size_t hits = 0;
    Json all = Json::array();
    for (const NamedQuery& query : *queries) {
      const auto found = remote_ ? remote_->find(query.request) : finder_->find(query.request);
      if (!found) {
        if (queries->size() == 1) return std::unexpected(found.error());
        return with_context("query " + query.id, found.error());
      }
      hits += found->items.size();
      const std::string name = queries_.empty() ? "" : query.id;
      if (*form == OutputForm::kJson) {
        for (const FoundItem& item : found->items) all.push_back(hit_json(item, name));
      } else {
        print(found->items, query, name, *form);
        if (*form == OutputForm::kTable && found->no_good_match) print_line("no good match");
      }
      if (!sheet_.empty())
        sheet.push_back(
            {query.request.text.value_or(query.request.like.value_or("")), query.request.image, found->items});
    }
    if (*form == OutputForm::kJson) print_json({{"space", space_name()}, {"bits", bits()}, {"hits", all}}, *form);
    if (!sheet_.empty())
      if (auto written = write_contact_sheet(sheet_, "Warifu: space " + space_name(), sheet); !written)
        return std::unexpected(written.error());
    return hits > 0 ? 0 : 1;
  }

 private:
  // The running server if there is one, else the workspace itself.
  Result<void> open(const std::string& workspace) {
    if (server_ != "auto" && server_ != "none")
      return fail(ErrorCode::kInvalidArgument, "--server " + server_ + " is neither auto nor none");
    if (server_ == "auto") {
      const char* const key = std::getenv("WARIFU_KEY");
      remote_ = RemoteFinder::of_workspace(workspace, space_, bits_, key == nullptr ? "" : key);
      if (remote_) return {};
    }
    auto opened = Workspace::open(workspace);
    if (!opened) return std::unexpected(opened.error());
    workspace_ = std::make_unique<Workspace>(std::move(*opened));
    auto finder = Finder::open(*workspace_, space_, bits_);
    if (!finder) return std::unexpected(finder.error());
    finder_.emplace(std::move(*finder));
    return {};
  }

  std::string space_name() const { return remote_ ? remote_->space() : finder_->space().name; }
  std::uint32_t bits() const { return remote_ ? remote_->bits() : finder_->space().bits; }

  Result<std::vector<NamedQuery>> collect_queries() const {
    const auto find = parse_find(find_);
    if (!find) return std::unexpected(find.error());
    FindRequest request;
    request.find = *find;
    request.k = static_cast<std::size_t>(k_);
    request.filters = filters_;
    for (const auto& weight : {code_weight_, word_weight_})
      if (weight && !(*weight >= 0 && *weight <= 1000))
        return fail(ErrorCode::kInvalidArgument, fmt::format("weight {} is not in 0 … 1000", *weight));
    request.code_weight = code_weight_;
    request.word_weight = word_weight_;
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
             OutputForm form) const {
    switch (form) {
      case OutputForm::kTable: {
        if (!name.empty())
          print_line("query " + name + ": " + query.request.text.value_or(query.request.image.value_or("").string()));
        Table table({"rank", "id", "by", "distance", "text", "picture"});
        for (const FoundItem& item : found)
          table.add({std::to_string(item.rank), item.item.id, modality_name(item.modality),
                     fmt::format("{}/{}", distance_text(item), bits()), shorten(one_line(item.item.text.value_or(""))),
                     item.picture.string()});
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
                                 distance_text(item), one_line(item.picture.string()),
                                 one_line(item.item.text.value_or(""))));
        return;
      case OutputForm::kTrec:
        for (const FoundItem& item : found)
          print_line(fmt::format("{} Q0 {} {} {} warifu-{}", trec_id(query.id), trec_id(item.item.id), item.rank,
                                 -static_cast<double>(item.rank), space_name()));
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
      case OutputForm::kQrels:
        return;  // what is found is no judgement; run() does not let it in
    }
  }

  std::string server_ = "auto";
  std::optional<RemoteFinder> remote_;
  std::unique_ptr<Workspace> workspace_;
  std::optional<Finder> finder_;

  std::string text_;
  std::string image_;
  std::string like_;
  std::filesystem::path queries_;
  std::string space_;
  std::uint32_t bits_ = 0;
  std::int64_t k_ = 10;
  std::string find_ = "any";
  std::vector<std::string> filters_;
  std::optional<double> code_weight_;
  std::optional<double> word_weight_;
  std::filesystem::path sheet_;
  bool print0_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_search_verb() { return std::make_unique<SearchVerb>(); }

}  // namespace warifu
