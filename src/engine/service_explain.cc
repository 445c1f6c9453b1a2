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

Result<ExplainContent> RunningService::explained_item(const Workspace& reader, const Item& item) const {
  PictureAs picture;
  if (!item.image_uri.empty())
    picture = [&](const PictureFormat& format) -> Result<Image> {
      const auto bytes = read_file(reader.picture_path(item), limits_.max_bytes);
      if (!bytes) return std::unexpected(bytes.error());
      return decoder_->decode(*bytes, limits_, format);
    };
  return explain_content(item.text, picture, encoder_->encoder().picture_format());
}

Result<ExplainContent> RunningService::explained_query(const Workspace& reader, const Principal& principal,
                                                       const ExplainQuery& query) {
  if (query.like) {
    if (query.text || query.picture)
      return fail(ErrorCode::kInvalidArgument, "an item as the query cannot be joined with a text or a picture",
                  "ask by one or the other");
    std::optional<Error> error;
    const auto item = visible(reader, principal, *query.like, error);
    if (!item) return std::unexpected(*error);
    auto content = explained_item(reader, *item);
    if (!content) return content;
    return as_query(std::move(*content));
  }
  ServiceQuery asked;
  asked.text = query.text;
  asked.picture = query.picture;
  auto checked = content_of(asked);  // normalised, and refused where the search refuses it
  if (!checked) return std::unexpected(checked.error());
  ExplainContent content;
  content.text = std::move(checked->text);
  if (!checked->picture) return content;
  const PictureAs picture = [&](const PictureFormat& format) {
    return decoder_->decode(*query.picture, limits_, format);
  };
  return explain_content(std::move(content.text), picture, encoder_->encoder().picture_format());
}

Result<Explanation> RunningService::explain(const Principal& principal, const ExplainQuery& query) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  std::optional<Error> error;
  const auto item = visible(**reader, principal, query.id, error);
  if (!item) return std::unexpected(*error);
  const auto asked = explained_query(**reader, principal, query);
  if (!asked) return std::unexpected(asked.error());
  const auto content = explained_item(**reader, *item);
  if (!content) return std::unexpected(content.error());

  const Place place(explanations_);
  if (!place.free()) return fail(ErrorCode::kUnavailable, "other explanations are being made", "ask again in a second");
  const std::lock_guard lock(explain_mutex_);
  if (!explainer_) {
    // A model of its own: searches do not wait for an explanation.
    auto loaded = load_encoder(root_ / "spaces" / space_.name);
    if (!loaded) return std::unexpected(loaded.error());
    explainer_ = std::move(*loaded);
  }
  auto explanation = explain_match(*explainer_, space_, *asked, *content, query.half);
  if (explanation) explanation->id = item->id;
  return explanation;
}

}  // namespace warifu
