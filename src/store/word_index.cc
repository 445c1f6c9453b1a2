#include "store/word_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

namespace warifu {
namespace {

// Robertson's usual saturation and length normalisation.
constexpr double kSaturation = 1.2;
constexpr double kLengthShare = 0.75;
// A word of the name or of a value says more than one of the text. In the order of the columns of item_words.
constexpr std::array<float, 3> kColumnWeights = {1.5F, 1.0F, 1.5F};

constexpr std::size_t kMaxQueuedItems = 4096;
constexpr std::size_t kMaxQueuedBytes = std::size_t{16} << 20;
// Rows above this (of a damaged file, say) are found too, but their lengths are not remembered.
constexpr ItemRow kMaxRememberedRow = ItemRow{1} << 24;

std::string_view last_part(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }

// The file name and the id, in one where the id is made of the name.
std::string name_document(std::string_view image_uri, std::string_view id) {
  const std::string_view file = last_part(image_uri);
  const std::string_view stem = file.substr(0, file.find_last_of('.'));
  if (file.empty() || last_part(id) == file) return keyword_document(id);
  if (id == stem) return keyword_document(file);
  return keyword_document(std::string(file) + " / " + std::string(id));
}

// As the schema's group_concat: values do not run into each other.
std::string values_document(const Item& item) {
  std::string all;
  for (const auto* list : {&item.labels, &item.attributes})
    for (const Label& label : *list) all.append(all.empty() ? "" : " / ").append(label.value);
  return keyword_document(all);
}

std::string_view text_of(sqlite3_value* value) {
  const unsigned char* bytes = sqlite3_value_text(value);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

// Exceptions must not pass through SQLite.
template <typename Make>
void answer(sqlite3_context* context, Make make) noexcept {
  try {
    const std::string text = make();
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } catch (...) {
    sqlite3_result_error_nomem(context);
  }
}

void fold_function(sqlite3_context* context, int, sqlite3_value** values) {
  answer(context, [&] { return keyword_fold(text_of(values[0])); });
}

void document_function(sqlite3_context* context, int, sqlite3_value** values) {
  answer(context, [&] { return keyword_document(text_of(values[0])); });
}

void name_function(sqlite3_context* context, int, sqlite3_value** values) {
  answer(context, [&] { return name_document(text_of(values[0]), text_of(values[1])); });
}

Result<fts5_api*> fts5_of(Database& database) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  int status = sqlite3_prepare_v2(database.handle(), "SELECT fts5(?1)", -1, &statement, nullptr);
  if (status == SQLITE_OK)
    status = sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
  if (status == SQLITE_OK) sqlite3_step(statement);
  const int finalized = sqlite3_finalize(statement);
  if (status == SQLITE_OK) status = finalized;
  if (status != SQLITE_OK) return database.error(status);
  if (api == nullptr || api->iVersion < 2) return fail(ErrorCode::kInternal, "this SQLite has no FTS5");
  return api;
}

std::string any_of(const std::vector<std::string>& phrases) {
  std::string expression;
  for (const std::string& phrase : phrases) expression.append(expression.empty() ? "" : " OR ").append(phrase);
  return expression;
}

}  // namespace

// What the running query has found so far, among the rows that are allowed.
struct WordIndex::Found {
  struct OfRow {
    ItemRow row = 0;
    std::uint32_t phrases = 0;
    std::uint32_t length = 0;  // tokens
  };

  Found(WordIndex& index, const AllowedRows& may_see, std::size_t phrase_count)
      : lengths(index), allowed(may_see), phrases(phrase_count) {}

  int take(const Fts5ExtensionApi& api, Fts5Context* context) {
    OfRow found{.row = api.xRowid(context)};
    if (allowed && !allowed(found.row)) return SQLITE_OK;
    const std::size_t first = frequencies.size();
    frequencies.resize(first + phrases);
    const auto count = std::min(phrases, static_cast<std::size_t>(std::max(api.xPhraseCount(context), 0)));
    for (std::size_t i = 0; i < count; ++i) {
      Fts5PhraseIter iterator;
      int column = -1;
      int offset = -1;
      if (const int status = api.xPhraseFirst(context, static_cast<int>(i), &iterator, &column, &offset);
          status != SQLITE_OK)
        return status;
      for (; column >= 0; api.xPhraseNext(context, &iterator, &column, &offset)) {
        if (static_cast<std::size_t>(column) >= kColumnWeights.size()) return SQLITE_CORRUPT_VTAB;
        frequencies[first + i] += kColumnWeights[static_cast<std::size_t>(column)];
        found.phrases |= std::uint32_t{1} << i;
      }
    }
    std::uint32_t& length = lengths.length_of(found.row);
    if (length == 0) {
      int tokens = 0;
      if (const int status = api.xColumnSize(context, -1, &tokens); status != SQLITE_OK) return status;
      length = static_cast<std::uint32_t>(std::max(tokens, 1));
    }
    found.length = length;
    rows.push_back(found);
    return SQLITE_OK;
  }

  WordIndex& lengths;
  const AllowedRows& allowed;
  std::size_t phrases;
  std::vector<OfRow> rows;
  std::vector<float> frequencies;  // of rows[i] and phrase p at i * phrases + p, weighted by column
};

namespace {

// Weight of each phrase, by how many of the rows found have it. How many rows there are at all would be a question
// about everything; the rows found are taken to be half of them, so the commonest word still weighs ln 2.
template <typename Rows>
std::vector<double> phrase_weights(const Rows& rows, std::size_t phrases) {
  std::vector<std::size_t> having(phrases);
  for (const auto& row : rows)
    for (std::size_t p = 0; p < phrases; ++p) having[p] += (row.phrases >> p) & 1U;
  std::vector<double> weights(phrases);
  for (std::size_t p = 0; p < phrases; ++p) {
    const auto n = static_cast<double>(having[p]);
    weights[p] = std::log1p((2.0 * static_cast<double>(rows.size()) - n + 0.5) / (n + 0.5));
  }
  return weights;
}

}  // namespace

Result<std::unique_ptr<WordIndex>> WordIndex::attach(Database& database) {
  std::unique_ptr<WordIndex> index(new WordIndex(database));
  if (auto registered = index->register_functions(); !registered) return std::unexpected(registered.error());
  return index;
}

Result<void> WordIndex::register_functions() {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
  sqlite3* const handle = database_.handle();
  for (const auto& [name, arguments, function] :
       {std::tuple("keyword_fold", 1, &fold_function), std::tuple("keyword_document", 1, &document_function),
        std::tuple("keyword_name", 2, &name_function)})
    if (const int status =
            sqlite3_create_function_v2(handle, name, arguments, kFlags, nullptr, function, nullptr, nullptr, nullptr);
        status != SQLITE_OK)
      return database_.error(status);
  const auto api = fts5_of(database_);
  if (!api) return std::unexpected(api.error());
  // collect_words(item_words) hands the current row of a MATCH to the query that runs, and is false: no row comes out
  // of SQLite itself, which would take longer than finding it.
  const auto collect = [](const Fts5ExtensionApi* extension, Fts5Context* context, sqlite3_context* result, int,
                          sqlite3_value**) noexcept {
    auto* const index = static_cast<WordIndex*>(extension->xUserData(context));
    if (index->found_ == nullptr) return sqlite3_result_error(result, "collect_words: no query runs", -1);
    try {
      const int status = index->found_->take(*extension, context);
      if (status != SQLITE_OK) return sqlite3_result_error_code(result, status);
      sqlite3_result_int(result, 0);
    } catch (...) {
      sqlite3_result_error_nomem(result);
    }
  };
  if (const int status = (*api)->xCreateFunction(*api, "collect_words", this, collect, nullptr); status != SQLITE_OK)
    return database_.error(status);
  return {};
}

// ---- writing ----

Result<void> WordIndex::put(ItemRow row, const Item& item) {
  Words words{name_document(item.image_uri, item.id), keyword_document(item.text ? *item.text : std::string()),
              values_document(item)};
  queued_bytes_ += words.name.size() + words.text.size() + words.values.size();
  queue_.insert_or_assign(row, std::move(words));
  if (queue_.size() < kMaxQueuedItems && queued_bytes_ < kMaxQueuedBytes) return {};
  return flush();
}

void WordIndex::remove(ItemRow row) { queue_.insert_or_assign(row, std::nullopt); }

void WordIndex::drop_queue() {
  queue_.clear();
  queued_bytes_ = 0;
}

Result<void> WordIndex::flush() {
  if (queue_.empty()) return {};
  auto old = database_.prepare("DELETE FROM item_words WHERE rowid = ?1");
  if (!old) return std::unexpected(old.error());
  auto now = database_.prepare("INSERT INTO item_words (rowid, name, text, labels) VALUES (?1, ?2, ?3, ?4)");
  if (!now) return std::unexpected(now.error());
  for (const auto& [row, words] : queue_) {
    if (auto run = old->bind(1, row).run(); !run) return run;
    old->reset();
    if (!words) continue;
    if (auto run = now->bind(1, row).bind(2, words->name).bind(3, words->text).bind(4, words->values).run(); !run)
      return run;
    now->reset();
  }
  drop_queue();
  return {};
}

// ---- reading ----

std::uint32_t& WordIndex::length_of(ItemRow row) {
  if (row < 0 || row > kMaxRememberedRow) return other_length_ = 0;
  const auto at = static_cast<std::size_t>(row);
  if (at >= lengths_.size()) lengths_.resize(std::max(at + 1, lengths_.size() * 2));
  return lengths_[at];
}

Result<void> WordIndex::forget_changed_lengths(std::int64_t revision) {
  if (revision < lengths_revision_) lengths_.clear();
  if (revision > lengths_revision_ && !lengths_.empty()) {
    auto changed = database_.prepare("SELECT row FROM items WHERE revision > ?1");
    if (!changed) return std::unexpected(changed.error());
    changed->bind(1, lengths_revision_);
    for (;;) {
      const auto row = changed->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      const auto at = static_cast<std::uint64_t>(changed->integer(0));
      if (at < lengths_.size()) lengths_[at] = 0;
    }
  }
  lengths_revision_ = revision;
  return {};
}

Result<std::vector<WordHit>> WordIndex::find(const KeywordQuery& query, std::size_t limit, const AllowedRows& allowed,
                                             std::int64_t revision, bool writing) {
  const std::size_t phrases = std::min(query.phrases.size(), kMaxKeywordPhrases);
  if (phrases == 0 || limit == 0) return std::vector<WordHit>();
  if (writing) {
    lengths_.clear();
  } else if (auto forgotten = forget_changed_lengths(revision); !forgotten) {
    return std::unexpected(forgotten.error());
  }

  auto statement =
      database_.prepare("SELECT 1 FROM item_words WHERE item_words MATCH ?1 AND collect_words(item_words)");
  if (!statement) return std::unexpected(statement.error());
  Found found(*this, allowed, phrases);
  found_ = &found;
  const auto run =
      statement->bind(1, any_of({query.phrases.begin(), query.phrases.begin() + std::ptrdiff_t(phrases)})).run();
  found_ = nullptr;
  if (writing) lengths_.clear();
  if (!run) return std::unexpected(run.error());

  double mean_length = 0;
  for (const auto& row : found.rows) mean_length += row.length;
  mean_length /= static_cast<double>(std::max<std::size_t>(found.rows.size(), 1));
  const std::vector<double> weights = phrase_weights(found.rows, phrases);
  double most = 0;  // more than BM25 can give
  for (const double weight : weights) most += weight * (kSaturation + 1);
  const std::uint32_t every = phrases == 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << phrases) - 1;
  std::vector<WordHit> hits;
  hits.reserve(found.rows.size());
  for (std::size_t i = 0; i < found.rows.size(); ++i) {
    const auto& row = found.rows[i];
    const double norm = kSaturation * (1 - kLengthShare + kLengthShare * row.length / mean_length);
    double score = phrases > 1 && row.phrases == every ? most : 0;
    for (std::size_t p = 0; p < phrases; ++p) {
      const double frequency = static_cast<double>(found.frequencies[i * phrases + p]);
      score += weights[p] * frequency * (kSaturation + 1) / (frequency + norm);
    }
    hits.push_back({row.row, score, row.phrases});
  }
  const auto better = [](const WordHit& a, const WordHit& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  };
  const auto kept = static_cast<std::ptrdiff_t>(std::min(limit, hits.size()));
  std::ranges::partial_sort(hits, hits.begin() + kept, better);
  hits.resize(static_cast<std::size_t>(kept));
  return hits;
}

}  // namespace warifu
