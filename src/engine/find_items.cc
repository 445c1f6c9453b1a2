#include "engine/find_items.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "engine/code_files.h"
#include "io/image_file.h"
#include "methods/method.h"
#include "text/normalize.h"

namespace warifu {
Result<Finder> Finder::open(const Workspace& workspace, const std::string& wanted, std::uint32_t bits) {
  const auto name = workspace.choose_space(wanted);
  if (!name) return std::unexpected(name.error());
  const auto info = read_space_info(workspace.space_folder(*name));
  if (!info) return std::unexpected(info.error());
  const auto space = choose_bits(*info, bits);
  if (!space) return std::unexpected(space.error());
  std::array<std::shared_ptr<const Index>, 3> indexes;
  constexpr std::array kModalities = {Modality::kImage, Modality::kText, Modality::kBoth};
  for (std::size_t i = 0; i < kModalities.size(); ++i) {
    auto index = open_index(workspace, *space, kModalities[i]);
    if (!index) return std::unexpected(index.error());
    indexes[i] = std::move(*index);
  }
  if (!indexes[0] && !indexes[1])
    return fail(ErrorCode::kNotFound, "nothing is indexed in space '" + *name + "'",
                "run 'warifu index --space " + *name + "'");
  auto encoder = load_encoder(workspace.space_folder(*name));
  if (!encoder) return std::unexpected(encoder.error());
  Finder finder(workspace);
  finder.searcher_ = std::make_unique<Searcher>(*space, std::move(*encoder), indexes[0], indexes[1], indexes[2]);
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

Result<std::vector<FoundItem>> Finder::find(const FindRequest& request) const {
  SearchRequest search;
  search.find = request.find;
  search.k = request.k;
  if (request.text) {
    auto text = normalize_text(*request.text);
    if (!text) return with_context("--text", text.error());
    if (text->empty()) return fail(ErrorCode::kInvalidArgument, "the query text is empty", "give at least one word");
    search.query.text = std::move(*text);
  }
  if (request.image) {
    auto image = decode_image(*request.image, workspace_->image_limits());
    if (!image) return std::unexpected(image.error());
    search.query.picture = std::move(*image);
  }
  if (request.like) {
    if (request.text || request.image)
      return fail(ErrorCode::kInvalidArgument, "--like cannot be joined with --text or --image",
                  "search by one or the other");
    const auto item = workspace_->catalog().find(*request.like);
    if (!item) return std::unexpected(item.error());
    if (!*item) return fail(ErrorCode::kNotFound, "no item has the id '" + *request.like + "'");
    search.query.like_row = (*item)->row;
  }
  auto filtered = filter(request.filters);
  if (!filtered) return std::unexpected(filtered.error());
  search.filter = std::move(*filtered);
  const auto hits = searcher_->search(search);
  if (!hits) return std::unexpected(hits.error());

  std::vector<ItemRow> rows;
  for (const SearchHit& hit : *hits) rows.push_back(hit.row);
  auto items = workspace_->catalog().items(rows);
  if (!items) return std::unexpected(items.error());
  std::vector<FoundItem> found;
  for (std::size_t i = 0; i < hits->size(); ++i) {
    FoundItem& entry = found.emplace_back(FoundItem{i + 1, (*hits)[i], std::move((*items)[i]), {}});
    if (!entry.item.image_uri.empty()) entry.picture = workspace_->picture_path(entry.item);
  }
  return found;
}

}  // namespace warifu
