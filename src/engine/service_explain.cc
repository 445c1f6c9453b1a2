#include "base/file.h"
#include "engine/running_service.h"
#include "methods/method.h"

// The part of RunningService that says why an item matches.
namespace warifu {
namespace {

// One explanation at a time, and one that waits: it takes a second or so of all processors, and a worker that waits
// answers no search.
constexpr int kMostAtOnce = 2;

class Place {
 public:
  explicit Place(std::atomic<int>& taken) : taken_(taken), free_(taken_.fetch_add(1) < kMostAtOnce) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { taken_.fetch_sub(1); }
  bool free() const { return free_; }

 private:
  std::atomic<int>& taken_;
  bool free_;
};

}  // namespace

Result<ExplainContent> RunningService::explained_item(const Workspace& reader, const Item& item,
                                                      std::optional<Modality> half) const {
  const PictureFormat format = encoder_->encoder().picture_format();
  if (item.image_uri.empty() || half == Modality::kText) return explain_content(item.text, {}, format);
  const auto bytes = read_file(reader.picture_path(item), limits_.max_bytes);
  if (bytes) {
    auto content = explain_content(
        item.text, [&](const PictureFormat& wanted) { return decoder_->decode(*bytes, limits_, wanted); }, format);
    if (content) return content;
  }
  if (!half && item.text) return explain_content(item.text, {}, format);
  return fail(ErrorCode::kNotFound, "the picture of '" + item.id + "' cannot be read");
}

Result<ExplainContent> RunningService::explained_query(const Workspace& reader, const Principal& principal,
                                                       const ExplainQuery& query, std::optional<ItemRow>& row) {
  if (query.like) {
    if (query.text || query.picture)
      return fail(ErrorCode::kInvalidArgument, "an item as the query cannot be joined with a text or a picture",
                  "ask by one or the other");
    std::optional<Error> error;
    const auto item = visible(reader, principal, *query.like, error);
    if (!item) return std::unexpected(*error);
    row = item->row;
    auto content = explained_item(reader, *item, std::nullopt);
    if (!content) return content;
    return as_query(std::move(*content), query.half);
  }
  std::optional<std::string> text;
  if (query.text) {
    auto normal = query_text(*query.text, "text");
    if (!normal) return std::unexpected(normal.error());
    text = std::move(*normal);
  }
  PictureAs picture;
  if (query.picture) picture = [&](const PictureFormat& wanted) { return decode(*query.picture, wanted); };
  auto content = explain_content(std::move(text), picture, encoder_->encoder().picture_format());
  if (!content) return with_context("picture", content.error());
  return content;
}

Result<Explanation> RunningService::explain(const Principal& principal, const ExplainQuery& query) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  std::optional<Error> error;
  const auto item = visible(**reader, principal, query.id, error);
  if (!item) return std::unexpected(*error);
  const Place place(explanations_);
  if (!place.free()) return fail(ErrorCode::kUnavailable, "other explanations are being made", "ask again in a second");
  std::optional<ItemRow> like;
  const auto asked = explained_query(**reader, principal, query, like);
  if (!asked) return std::unexpected(asked.error());
  const auto content = explained_item(**reader, *item, query.half);
  if (!content) return std::unexpected(content.error());

  const auto view = writer_->view();
  StoredCodes stored;
  stored.item = [&](Modality half) { return view->searcher->code_of(item->row, half); };
  if (like) {
    auto code = view->searcher->stored_code(*like, query.half == Modality::kBoth ? Find::kBoth : Find::kAny);
    if (code) stored.query = std::move(*code);
  }
  const std::lock_guard lock(explain_mutex_);
  if (!explainer_) {
    // A model of its own: searches do not wait for an explanation.
    auto loaded = load_encoder(root_ / "spaces" / space_.name);
    if (!loaded) return std::unexpected(loaded.error());
    explainer_ = std::move(*loaded);
  }
  auto explanation = explain_match(*explainer_, space_, *asked, *content, query.half, stored);
  if (explanation) explanation->id = item->id;
  return explanation;
}

}  // namespace warifu
