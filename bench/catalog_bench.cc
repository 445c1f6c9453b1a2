// How long does a search for words take, and what does keeping them cost an ingest?
//
//   catalog_bench FOLDER [items]
//
// Writes 10,000 items (or `items`) with ten words and four values each into a new catalog in FOLDER, then asks for
// words, values and changes. Prints one line a question: the first time and the best of thirty.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "base/rng.h"
#include "store/catalog.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

template <typename T>
T or_stop(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(exit_status(result.error().code));
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Few words are frequent and many rare, as in language.
std::string drawn_word(Rng& rng) {
  const auto share = static_cast<double>(rng.below(1'000'000)) / 1e6;
  auto number = static_cast<unsigned>(5000 * std::pow(share, 4));
  std::string word = "w";
  for (; number > 0; number /= 20) word += "bcdfghjklmnpqrtvwxyz"[number % 20];
  return word + "o";
}

Item drawn_item(std::size_t number, Rng& rng) {
  Item item;
  item.id = std::to_string(number);
  item.image_uri = "/pictures/IMG_" + item.id + ".jpg";
  std::string text;
  for (int i = 0; i < 10; ++i) text += drawn_word(rng) + " ";
  if (number % 5 < 2) text += "common 大きな雪だるま";
  item.text = text;
  item.labels = {{"colour", "Colour " + std::to_string(rng.below(40))},
                 {"type", "Type " + std::to_string(rng.below(100))}};
  item.attributes = {{"season", "Fall"}, {"year", std::to_string(2000 + rng.below(20))}};
  return item;
}

void ask(const std::string& what, const std::function<std::size_t()>& question) {
  double first = 0;
  double best = 0;
  std::size_t found = 0;
  for (int round = 0; round < 30; ++round) {
    const auto start = Clock::now();
    found = question();
    const double ms = ms_since(start);
    if (round == 0) first = best = ms;
    best = std::min(best, ms);
  }
  std::printf("%-40s %8zu found  first %8.3f ms  best %8.3f ms\n", what.c_str(), found, first, best);
}

void run(const std::filesystem::path& folder, std::size_t items) {
  const auto path = folder / "catalog_bench.db";
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path.string() + suffix);
  {
    auto catalog = or_stop(open_catalog(path));
    Rng rng(1);
    const auto start = Clock::now();
    or_stop(catalog->begin_writing());
    for (std::size_t i = 1; i <= items; ++i) or_stop(catalog->put(drawn_item(i, rng)));
    or_stop(catalog->end_writing());
    std::printf("%zu items put in %.0f ms\n", items, ms_since(start));
  }
  const auto catalog = or_stop(open_catalog(path));
  const AllowedRows allowed = [](ItemRow row) { return row % 10 != 0; };
  for (const char* words :
       {"common", "common wo", "common wo wbo wco", "wbbo", "9999", "雪だるま", "雪", "img", "nothing"})
    ask(words, [&] { return or_stop(catalog->find_words(keyword_query(words), 1000, allowed)).size(); });
  for (const char* prefix : {"colour 3", "c", "f"})
    ask(std::string("suggest ") + prefix, [&] { return or_stop(catalog->suggest(prefix, 10, allowed)).size(); });
  for (const char* column : {"colour", "season"})
    ask(std::string("count values of ") + column,
        [&] { return or_stop(catalog->count_values(column, allowed)).size(); });
  ask("groups of all", [&] { return or_stop(catalog->item_groups()).size(); });
  ask("changes since the last but ten",
      [&] { return or_stop(catalog->changes_since(or_stop(catalog->last_revision()) - 10)).size(); });
}

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: catalog_bench FOLDER [items]\n");
    return 64;
  }
  warifu::run(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10'000);
}
