#include "engine/find_items.h"

#include <algorithm>
#include <iterator>

#include "engine/code_files.h"
#include "io/image_file.h"
#include "methods/method.h"

namespace warifu {
Result<Finder> Finder::open(const Workspace& workspace, const std::string& wanted, std::uint32_t bits) {
  const auto name = workspace.choose_space(wanted);
  if (!name) return std::unexpected(name.error());
  const auto info = read_space_info(workspace.space_folder(*name));
  if (!info) return std::unexpected(info.error());
  const auto space = choose_bits(*info, bits);
  if (!space) return std::unexpected(space.error());
  auto searcher = open_searcher(workspace, *space);
  if (!searcher) return std::unexpected(searcher.error());
  if (!(*searcher)->holds(Modality::kImage) && !(*searcher)->holds(Modality::kText))
    return fail(ErrorCode::kNotFound, "nothing is indexed in space '" + *name + "'",
                "run 'warifu index --space " + *name + "'");
  auto encoder = load_encoder(workspace.space_folder(*name));
  if (!encoder) return std::unexpected(encoder.error());
  if (auto checked = check_for_search(**encoder, *name); !checked) return std::unexpected(checked.error());
  Finder finder(workspace);
  finder.encoder_ = std::move(*encoder);
  finder.searcher_ = std::move(*searcher);
  auto confidence = ConfidenceModel::load(workspace.space_folder(*name) / kConfidenceFile);
  if (!confidence && confidence.error().code != ErrorCode::kNotFound) return std::unexpected(confidence.error());
  // One of a former model says nothing of this one.
  if (confidence && confidence->fingerprint == space->fingerprint) finder.confidence_ = std::move(*confidence);
  return finder;
}

Result<RowFilter> Finder::filter(const std::vector<std::string>& conditions) const {
  if (conditions.empty()) return RowFilter();
  std::optional<std::vector<ItemRow>> rows;
  for (const std::string& condition : conditions) {
    const auto equals = condition.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::kInvalidArgument, "filter '" + condition + "' is not COLUMN=VALUE",
                  "for example --filter 'articleType=Shirts'");
    auto matching = workspace_->catalog().rows_where(condition.substr(0, equals), condition.substr(equals + 1));
    if (!matching) return std::unexpected(matching.error());
    if (!rows) {
      rows = std::move(*matching);
      continue;
    }
    std::vector<ItemRow> both;
    std::ranges::set_intersection(*rows, *matching, std::back_inserter(both));
    rows = std::move(both);
  }
  return RowFilter(std::move(*rows));
}

Result<EncodedQuery> Finder::encode(const QueryContent& content) const {
  return encode_query(*encoder_, searcher_->space(), content);
}

Result<HybridAnswer> Finder::hybrid(const HybridRequest& request) const {
  return hybrid_search(*searcher_, workspace_->catalog(), request);
}

Result<HybridRequest> Finder::hybrid_request(const FindRequest& request) const {
  HybridRequest hybrid;
  hybrid.find = request.find;
  hybrid.depth = std::max(kLeastDepth, request.k + 1);
  QueryContent content;
  if (request.text) {
    auto text = query_text(*request.text, "--text");
    if (!text) return std::unexpected(text.error());
    content.text = std::move(*text);
  }
  if (request.image) {
    auto image = decode_image(*request.image, workspace_->image_limits());
    if (!image) return std::unexpected(image.error());
    content.picture = std::move(*image);
  }
  if (!request.like && !content.text && !content.picture)
    return fail(ErrorCode::kInvalidArgument, "nothing to search for", "give --text, --image, both, or --like ID");
  double code_weight = request.code_weight.value_or(1);
  if (!request.code_weight && content.text && confidence_) code_weight = confidence_->code_weight;
  if (request.like) {
    if (content.text || content.picture)
      return fail(ErrorCode::kInvalidArgument, "--like cannot be joined with --text or --image",
                  "search by one or the other");
    const auto item = workspace_->catalog().find(*request.like);
    if (!item) return std::unexpected(item.error());
    if (!*item) return fail(ErrorCode::kNotFound, "no item has the id '" + *request.like + "'");
    auto code = searcher_->stored_code((*item)->row, request.find);
    if (!code) return std::unexpected(code.error());
    hybrid.codes.push_back({"code", std::move(*code), 1});
    hybrid.except = (*item)->row;
  } else if (code_weight > 0 || !content.text) {
    auto encoded = encode(content);
    if (!encoded) return std::unexpected(encoded.error());
    hybrid.codes.push_back({"code", std::move(encoded->code), code_weight});
  }
  if (content.text) {
    hybrid.words = keyword_query(*content.text);
    hybrid.word_weight = request.word_weight.value_or(confidence_ ? confidence_->word_weight : 1);
  }
  if (hybrid.codes.empty() && hybrid.word_weight <= 0)
    return fail(ErrorCode::kInvalidArgument, "neither channel has a weight", "give one of them more than 0");
  auto filtered = filter(request.filters);
  if (!filtered) return std::unexpected(filtered.error());
  hybrid.filter = std::move(*filtered);
  return hybrid;
}

Result<FoundItems> Finder::find(const FindRequest& request) const {
  if (request.k == 0) return fail(ErrorCode::kInvalidArgument, "k is 0", "ask for at least one hit");
  const auto wanted = hybrid_request(request);
  if (!wanted) return std::unexpected(wanted.error());
  const auto answer = hybrid(*wanted);
  if (!answer) return std::unexpected(answer.error());
  return look_up(*workspace_, *searcher_, *wanted, *answer, request.text.has_value(),
                 request.image.has_value() || request.like.has_value(), {.offset = 0, .limit = request.k},
                 confidence_ ? &*confidence_ : nullptr);
}

}  // namespace warifu
