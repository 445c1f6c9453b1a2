#include "engine/explainer.h"

#include <utility>

#include "engine/code_files.h"
#include "engine/explain_overlay.h"
#include "engine/query_encoder.h"
#include "io/image_file.h"
#include "methods/method.h"

namespace warifu {

Result<Explainer> Explainer::open(const Workspace& workspace, const std::string& wanted, std::uint32_t bits) {
  const auto name = workspace.choose_space(wanted);
  if (!name) return std::unexpected(name.error());
  const auto info = read_space_info(workspace.space_folder(*name));
  if (!info) return std::unexpected(info.error());
  const auto space = choose_bits(*info, bits);
  if (!space) return std::unexpected(space.error());
  auto encoder = load_encoder(workspace.space_folder(*name));
  if (!encoder) return std::unexpected(encoder.error());
  auto searcher = open_searcher(workspace, *space);
  if (!searcher) return std::unexpected(searcher.error());
  return Explainer(workspace, std::move(*encoder), std::move(*searcher));
}

Result<Item> Explainer::find(const std::string& id) const {
  auto item = workspace_->catalog().find(id);
  if (!item) return std::unexpected(item.error());
  if (!*item) return fail(ErrorCode::kNotFound, "no item has the id '" + id + "'");
  return std::move(**item);
}

PictureAs Explainer::picture_of(const Item& item) const {
  if (item.image_uri.empty()) return {};
  return [this, item](const PictureFormat& format) {
    return workspace_->read_picture(item, workspace_->image_limits(), format);
  };
}

PictureAs Explainer::picture_in(const std::filesystem::path& file) const {
  return [this, file](const PictureFormat& format) { return decode_image(file, workspace_->image_limits(), format); };
}

Result<ExplainContent> Explainer::query_content(const ExplainRequest& request) const {
  const PictureFormat format = encoder_->picture_format();
  if (request.like) {
    if (request.text || request.image)
      return fail(ErrorCode::kInvalidArgument, "--like cannot be joined with --text or --image",
                  "explain one or the other");
    const auto item = find(*request.like);
    if (!item) return std::unexpected(item.error());
    auto content = explain_content(item->text, picture_of(*item), format);
    if (!content) return content;
    return as_query(std::move(*content), request.half);
  }
  std::optional<std::string> text;
  if (request.text) {
    auto normal = query_text(*request.text, "--text");
    if (!normal) return std::unexpected(normal.error());
    text = std::move(*normal);
  }
  return explain_content(std::move(text), request.image ? picture_in(*request.image) : PictureAs{}, format);
}

Result<Explanation> Explainer::explain(const ExplainRequest& request) const {
  const auto item = find(request.id);
  if (!item) return std::unexpected(item.error());
  const auto query = query_content(request);
  if (!query) return std::unexpected(query.error());
  const auto content = explain_content(item->text, picture_of(*item), encoder_->picture_format());
  if (!content) return std::unexpected(content.error());
  StoredCodes stored;
  stored.item = [&](Modality half) { return searcher_->code_of(item->row, half); };
  if (request.like) {
    const auto like = find(*request.like);
    if (!like) return std::unexpected(like.error());
    auto code = searcher_->stored_code(like->row, request.half == Modality::kBoth ? Find::kBoth : Find::kAny);
    if (code) stored.query = std::move(*code);
  }
  auto explanation = explain_match(*encoder_, searcher_->space(), *query, *content, request.half, stored);
  if (explanation) explanation->id = item->id;
  return explanation;
}

Result<Image> Explainer::draw(const ExplainRequest& request, const Explanation& explanation) const {
  const auto item = find(request.id);
  if (!item) return std::unexpected(item.error());
  PictureAs query_picture;
  if (request.image) query_picture = picture_in(*request.image);
  if (request.like) {
    const auto like = find(*request.like);
    if (!like) return std::unexpected(like.error());
    query_picture = picture_of(*like);
  }
  return draw_explanation(explanation, query_picture, picture_of(*item));
}

}  // namespace warifu
