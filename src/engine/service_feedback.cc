#include <fmt/format.h>

#include "base/hash.h"
#include "engine/feedback.h"
#include "engine/running_service.h"

// The part of RunningService that keeps what people say of answers.
namespace warifu {
namespace {

constexpr std::size_t kMostTextBytes = 10'000;  // of a query that is kept
// Of its picture: enough to ask with it again, and to see what it was. Written anew, so nothing that a camera put into
// the file is kept, such as where it was.
constexpr int kPictureSide = 1024;
constexpr int kPictureQuality = 85;

Fail bad(std::string message, std::string hint = {}) {
  return fail(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
}

Result<void> check(const FeedbackRequest& request) {
  if (!request.text && !request.picture && !request.like)
    return bad("the judgement does not say what was asked", "give the query: a text, a picture, both, or an item_id");
  if (request.like && (request.text || request.picture))
    return bad("'item_id' cannot be joined with a text or a picture", "give the query that was asked");
  if (request.text && request.text->size() > kMostTextBytes)
    return bad(fmt::format("the text has {} bytes; at most {} are kept", request.text->size(), kMostTextBytes));
  return {};
}

}  // namespace

Result<FeedbackStore*> RunningService::feedback_store() {
  const std::lock_guard lock(feedback_mutex_);
  if (!feedback_) {
    auto opened = FeedbackStore::open(root_ / kFeedbackFolder);
    if (!opened) return std::unexpected(opened.error());
    feedback_ = std::move(*opened);
  }
  return feedback_.get();
}

// As it may be kept: in an anonymised workspace without faces and plates.
Result<std::vector<std::byte>> RunningService::picture_to_keep(std::span<const std::byte> bytes) const {
  if (bytes.size() > options_.max_picture_bytes)
    return bad(fmt::format("the picture has {} bytes; at most {} are taken", bytes.size(), options_.max_picture_bytes));
  const auto small = [&](std::span<const std::byte> some) {
    return decoder_->thumbnail(some, kPictureSide, limits_, ThumbnailForm::kWebp, kPictureQuality);
  };
  if (!anonymiser_) return small(bytes);
  auto image = decoder_->decode(bytes, limits_);
  if (!image) return std::unexpected(image.error());
  AnonymiseCounts counts;
  const auto masked = anonymiser_->picture(std::move(*image), bytes, counts);
  if (!masked) return std::unexpected(masked.error());
  return small(masked->bytes);
}

Result<std::string> RunningService::judge(const Principal& principal, const FeedbackRequest& request) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  if (auto checked = check(request); !checked) return std::unexpected(checked.error());
  {
    const auto reader = readers_.take();
    if (!reader) return std::unexpected(reader.error());
    std::optional<Error> error;
    if (!visible(**reader, principal, request.item, error)) return std::unexpected(*error);
    if (request.like && !visible(**reader, principal, *request.like, error)) return std::unexpected(*error);
  }
  Judgement judgement;
  judgement.item = request.item;
  judgement.who = principal.name;
  judgement.rank = request.rank;
  judgement.distance = request.distance;
  judgement.confidence = request.confidence;
  judgement.time = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  judgement.query.item_id = request.like.value_or("");
  if (request.text) {
    auto text = query_text(*request.text, "text");
    if (!text) return std::unexpected(text.error());
    AnonymiseCounts counts;
    if (anonymiser_) text = anonymiser_->text(*text, counts);
    if (!text) return with_context("text", text.error());
    judgement.query.text = std::move(*text);
  }
  std::vector<std::byte> picture;
  if (request.picture) {
    auto kept = picture_to_keep(*request.picture);
    if (!kept) return with_context("picture", kept.error());
    picture = std::move(*kept);
    judgement.query.picture = content_hash(picture);
  }
  const auto store = feedback_store();
  if (!store) return std::unexpected(store.error());
  if (request.right) {
    judgement.right = *request.right;
    if (auto put = (*store)->put(judgement, picture); !put) return std::unexpected(put.error());
  } else if (auto taken = (*store)->take_back(judgement.query, judgement.item, judgement.who); !taken) {
    return std::unexpected(taken.error());
  }
  return judgement.query.id();
}

Result<ServiceFeedback> RunningService::feedback(const Principal& principal, std::size_t limit) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return std::unexpected(allowed.error());
  const auto store = feedback_store();
  if (!store) return std::unexpected(store.error());
  auto judgements = (*store)->judgements(limit);
  if (!judgements) return std::unexpected(judgements.error());
  const auto counts = (*store)->counts();
  if (!counts) return std::unexpected(counts.error());
  return ServiceFeedback{std::move(*judgements), *counts};
}

}  // namespace warifu
