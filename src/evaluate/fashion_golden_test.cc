#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "evaluate/evaluate.h"
#include "evaluate/label_ids.h"

namespace warifu {
namespace {

const std::filesystem::path kFashion = std::filesystem::path(WARIFU_SHARED_DIR) / "data" / "fashion";

// Fields of one CSV line; quotes may hold commas.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else if (c != '\r')
      fields.back() += c;
  }
  return fields;
}

// Labels of every item by id.
std::map<std::string, std::vector<Label>> fashion_labels() {
  std::ifstream file(kFashion / "pairs.csv");
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> names = fields_of(line);
  std::map<std::string, std::vector<Label>> labels;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = fields_of(line);
    for (std::size_t i = 3; i < fields.size(); ++i) labels[fields[0]].push_back({names[i], fields[i]});
  }
  return labels;
}

std::vector<std::vector<Label>> labels_of_split(const std::map<std::string, std::vector<Label>>& labels,
                                                const std::string& split) {
  std::ifstream file(kFashion / "splits" / (split + ".txt"));
  std::vector<std::vector<Label>> items;
  for (std::string id; std::getline(file, id);)
    if (!id.empty()) items.push_back(labels.at(id));
  return items;
}

// Worked out apart from this program: the share of relevant items, which is the known floor of 0.069
// (same article type) and 0.009 (same type and colour), and the average precision of a random order,
// (r - 1) / (N - 1) * (1 - H_N / N) + H_N / N for r relevant of N, which lies a little above it.
TEST(EvaluateRandom, GivesTheKnownFloorOfTheFashionCollection) {
  if (!std::filesystem::exists(kFashion / "pairs.csv")) GTEST_SKIP() << "no Fashion collection at " << kFashion;
  const auto labels = fashion_labels();
  const auto queries = labels_of_split(labels, "query");
  const auto database = labels_of_split(labels, "database");
  ASSERT_EQ(queries.size(), 1000U);
  ASSERT_EQ(database.size(), 8583U);
  const auto floor_of = [&](std::string_view text) {
    const RelevanceRule rule = *RelevanceRule::parse(text);
    LabelIndexer indexer = *LabelIndexer::create(rule, label_columns(database));
    const std::vector<ItemLabels> query_ids = indexer.ids_of(queries);
    return evaluate_random(relevance(query_ids, indexer.ids_of(database), rule.kind), {});
  };
  const Metrics type = floor_of("any:articleType");
  EXPECT_EQ(type.queries, 1000U);
  EXPECT_NEAR(type.precision_at.at(10), 0.06873319352207853, 1e-12);
  EXPECT_NEAR(type.map, 0.06967019124380186, 1e-12);
  const Metrics type_and_colour = floor_of("all:articleType,baseColour");
  EXPECT_EQ(type_and_colour.queries, 975U);
  EXPECT_EQ(type_and_colour.queries_without_relevant, 25U);
  EXPECT_NEAR(type_and_colour.precision_at.at(10), 0.008846348028452187, 1e-12);
  EXPECT_NEAR(type_and_colour.map, 0.00984360113284182, 1e-12);
}

}  // namespace
}  // namespace warifu
