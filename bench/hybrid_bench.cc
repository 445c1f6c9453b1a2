// What does joining keywords and codes bring? Success@10, precision@10 and mAP of queries of 1 to 3 words, by each
// channel alone and by both, and of codes ranked once more by the real-valued embedding.
//
//   hybrid_bench WORKSPACE SPACE BITS COLUMNS [QUERIES] [SEED]      e.g. hybrid_bench ws contrastive 64
//   articleType,baseColour
//
// Queries are values of 1 to 3 labels (of COLUMNS) of items of the query split, as people type them; right is every
// item of the database split that has all of them. Nothing is learnt or chosen here: weights are those of 'warifu
// calibrate' where it was run. "labels unknown": the same with the label columns hidden from the keywords, as for items
// that nobody has labelled; then keywords look at texts and file names alone.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/calibrate.h"
#include "engine/find_items.h"
#include "engine/item_embeddings.h"
#include "engine/start_up.h"

namespace {

using namespace warifu;

constexpr std::size_t kCut = 10;

template <typename T>
T value_or_exit(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "error: %s\n", result.error().message.c_str());
  std::exit(1);
}

struct Measures {
  double map = 0;
  double precision = 0;
  double success = 0;
};

class Bench {
 public:
  Bench(const std::string& root, const std::string& space, std::uint32_t bits)
      : workspace_(value_or_exit(Workspace::open(root))),
        finder_(value_or_exit(Finder::open(workspace_, space, bits))) {
    const auto rows = value_or_exit(workspace_.catalog().split("database"));
    filter_ = RowFilter(rows);
    for (Item& item : value_or_exit(workspace_.catalog().items(rows))) database_.emplace(item.row, std::move(item));
  }

  std::vector<WordQuery> queries(const std::vector<std::string>& columns, std::size_t count, std::uint64_t seed) {
    const auto rows = value_or_exit(workspace_.catalog().split("query"));
    auto drawn = draw_word_queries(value_or_exit(workspace_.catalog().items(rows)), columns, seed);
    std::erase_if(drawn, [&](const WordQuery& query) { return relevant(query) == 0; });
    drawn.resize(std::min(count, drawn.size()));
    return drawn;
  }

  std::size_t relevant(const WordQuery& query) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(database_, [&](const auto& entry) { return is_right(query, entry.second); }));
  }

  static bool is_right(const WordQuery& query, const Item& item) {
    return std::ranges::all_of(
        query.labels, [&](const Label& label) { return std::ranges::find(item.labels, label) != item.labels.end(); });
  }

  void add(const WordQuery& query, double code_weight, double word_weight, bool rerank, Measures& sum) {
    HybridRequest request;
    request.filter = filter_;
    request.depth = database_.size();
    if (code_weight > 0) {
      QueryContent content;
      content.text = query.text;
      content.wants_embedding = rerank;
      auto encoded = value_or_exit(finder_.encode(content));
      request.codes.push_back({"code", std::move(encoded.code), code_weight});
      if (rerank) {
        embedding_ = std::move(encoded.embedding);
        request.rerank = [this](std::span<const SearchHit> hits) { return values(hits); };
      }
    }
    request.words = keyword_query(query.text);
    request.word_weight = word_weight;
    const auto found = value_or_exit(finder_.hybrid(request));
    double right = 0;
    double precision_sum = 0;
    for (std::size_t i = 0; i < found.hits.size(); ++i) {
      if (!is_right(query, database_.at(found.hits[i].row))) continue;
      precision_sum += ++right / static_cast<double>(i + 1);
      if (i < kCut) sum.precision += 1.0 / kCut;
      if (right == 1 && i < kCut) sum.success += 1;
    }
    sum.map += precision_sum / static_cast<double>(relevant(query));
  }

  void open_embeddings(ProgressSink& progress) {
    auto encoder = value_or_exit(ItemEncoder::open(workspace_, finder_.space().name));
    embeddings_ = value_or_exit(ItemEmbeddings::open(workspace_, encoder.info()));
    std::vector<Item> items;
    for (const auto& [row, item] : database_) items.push_back(item);
    if (auto filled = embeddings_->fill(encoder, items, progress); !filled) {
      std::fprintf(stderr, "error: %s\n", filled.error().message.c_str());
      std::exit(1);
    }
  }

  double calibrated_word_weight() const {
    const auto model = ConfidenceModel::load(workspace_.space_folder(finder_.space().name) / kConfidenceFile);
    return model ? model->word_weight : 1;
  }

 private:
  Result<std::vector<std::optional<double>>> values(std::span<const SearchHit> hits) const {
    std::vector<Item> items;
    std::vector<Modality> halves;
    for (const SearchHit& hit : hits) {
      items.push_back(database_.at(hit.row));
      halves.push_back(hit.modality);
    }
    return embeddings_->similarities(embedding_, items, halves);
  }

  Workspace workspace_;
  Finder finder_;
  RowFilter filter_;
  std::map<ItemRow, Item> database_;
  std::unique_ptr<ItemEmbeddings> embeddings_;
  std::vector<float> embedding_;
};

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: hybrid_bench WORKSPACE SPACE BITS COLUMNS [QUERIES] [SEED]\n");
    return 2;
  }
  start_up(0);
  Bench bench(argv[1], argv[2], static_cast<std::uint32_t>(std::atoi(argv[3])));
  const auto queries = bench.queries(split_at_commas(argv[4]), argc > 5 ? std::strtoul(argv[5], nullptr, 10) : 300,
                                     argc > 6 ? std::strtoul(argv[6], nullptr, 10) : 1);
  SilentProgress silent;
  bench.open_embeddings(silent);
  const double words = bench.calibrated_word_weight();
  struct Run {
    std::string name;
    double code;
    double words;
    bool rerank;
  };
  const std::vector<Run> runs = {{"codes alone", 1, 0, false},
                                 {"codes, ranked by embedding", 1, 0, true},
                                 {"keywords alone", 0, 1, false},
                                 {"both, weights 1 and 1", 1, 1, false},
                                 {"both, as calibrated", 1, words, false},
                                 {"both, ranked by embedding", 1, words, true}};
  std::printf("%zu queries; keywords weigh %.2f as calibrated\n", queries.size(), words);
  std::printf("%-28s %8s %8s %8s\n", "", "mAP", "P@10", "success@10");
  for (const Run& run : runs) {
    Measures sum;
    for (const WordQuery& query : queries) bench.add(query, run.code, run.words, run.rerank, sum);
    const auto n = static_cast<double>(queries.size());
    std::printf("%-28s %8.4f %8.4f %8.4f\n", run.name.c_str(), sum.map / n, sum.precision / n, sum.success / n);
  }
  return 0;
}
