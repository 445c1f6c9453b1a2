#include <algorithm>

#include "engine/running_service.h"
#include "io/record_checks.h"
#include "text/normalize.h"

// The part of RunningService that changes items.
namespace warifu {
namespace {

constexpr std::size_t kMaxGroups = 64;  // of one item
constexpr std::size_t kMaxLabels = 256;

Result<std::vector<Label>> normalised(const std::vector<Label>& labels, const char* what) {
  if (labels.size() > kMaxLabels)
    return fail(ErrorCode::kInvalidArgument, std::string("more than ") + std::to_string(kMaxLabels) + " " + what);
  std::vector<Label> result;
  for (const Label& label : labels) {
    auto column = normalize_text(label.column);
    if (!column) return with_context(what, column.error());
    auto value = normalize_text(label.value);
    if (!value) return with_context(what, value.error());
    if (column->empty()) return fail(ErrorCode::kInvalidArgument, std::string(what) + ": a column without a name");
    if (!value->empty()) result.push_back({std::move(*column), std::move(*value)});
  }
  return result;
}

}  // namespace

Result<ItemChangeRequest> RunningService::prepare(const NewItem& item, bool replace) const {
  ItemChangeRequest change;
  if (auto named = check_item_id(item.id); !named)
    return fail(ErrorCode::kInvalidArgument, named.error().message, named.error().hint);
  change.id = item.id;
  change.replace = replace;
  if (item.text) {
    auto text = normalize_text(*item.text);
    if (!text) return with_context("text", text.error());
    change.text = std::move(*text);
  }
  if (item.labels) {
    auto labels = normalised(*item.labels, "labels");
    if (!labels) return std::unexpected(labels.error());
    change.labels = std::move(*labels);
  }
  if (item.attributes) {
    auto attributes = normalised(*item.attributes, "attributes");
    if (!attributes) return std::unexpected(attributes.error());
    change.attributes = std::move(*attributes);
  }
  if (item.groups) {
    if (item.groups->size() > kMaxGroups)
      return fail(ErrorCode::kInvalidArgument, "more than " + std::to_string(kMaxGroups) + " groups");
    for (const std::string& group : *item.groups)
      if (auto named = check_group_name(group); !named) return std::unexpected(named.error());
    change.groups = item.groups;
  }
  if (anonymiser_)
    if (auto taken = take_personal_data_out(change); !taken) return std::unexpected(taken.error());
  if (item.picture)
    if (auto taken = take_picture(item, change); !taken) return std::unexpected(taken.error());
  return change;
}

Result<void> RunningService::take_personal_data_out(ItemChangeRequest& change) const {
  Item item;
  item.id = change.id;
  item.text = change.text;
  item.labels = change.labels.value_or(std::vector<Label>());
  item.attributes = change.attributes.value_or(std::vector<Label>());
  AnonymiseCounts counts;
  if (auto masked = anonymiser_->words(item, counts); !masked) return masked;
  if (change.text) change.text = item.text.value_or("");
  if (change.labels) change.labels = std::move(item.labels);
  if (change.attributes) change.attributes = std::move(item.attributes);
  return {};
}

// Decoded where it can do no harm, to see that it can be. What is taken are the bytes as they came, or in an anonymised
// workspace those of a picture without faces, plates and metadata.
Result<void> RunningService::take_picture(const NewItem& item, ItemChangeRequest& change) const {
  std::vector<std::byte> masked;
  std::span<const std::byte> bytes = *item.picture;
  std::string name = item.picture_name;
  if (anonymiser_) {
    auto image = decoder_->decode(bytes, limits_);
    if (!image) return with_context("picture", image.error());
    AnonymiseCounts counts;
    auto picture = anonymiser_->picture(std::move(*image), bytes, counts);
    if (!picture) return with_context("picture", picture.error());
    masked = std::move(picture->bytes);
    bytes = masked;
    name = "picture" + std::string(picture->extension);
  } else if (const auto image = decode(bytes, encoder_->encoder().picture_format()); !image) {
    return with_context("picture", image.error());
  }
  change.picture.emplace(bytes.begin(), bytes.end());
  change.picture_name = std::move(name);
  return {};
}

Result<std::vector<WriteOutcome>> RunningService::put(const Principal& principal, std::vector<NewItem> items,
                                                      bool replace) {
  if (auto allowed = require(principal, Scope::kWrite); !allowed) return std::unexpected(allowed.error());
  std::vector<WriteOutcome> outcomes(items.size());
  std::vector<ItemChangeRequest> changes;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    outcomes[i].id = items[i].id;
    auto change = prepare(items[i], replace);
    if (!change) {
      outcomes[i].error = change.error();
      continue;
    }
    changes.push_back(std::move(*change));
    places.push_back(i);
  }
  if (changes.empty()) return outcomes;
  const auto written = writer_->write(principal, std::move(changes));
  if (!written) return std::unexpected(written.error());
  for (std::size_t i = 0; i < places.size(); ++i) {
    outcomes[places[i]].error = (*written)[i].error;
    outcomes[places[i]].stored = (*written)[i].stored;
    drop_picture((*written)[i].image_uri_before);
  }
  return outcomes;
}

Result<void> RunningService::remove(const Principal& principal, std::string_view id) {
  if (auto allowed = require(principal, Scope::kWrite); !allowed) return allowed;
  ItemChangeRequest change;
  change.id = id;
  change.remove = true;
  const auto written = writer_->write(principal, {change});
  if (!written) return std::unexpected(written.error());
  if (written->front().error) return std::unexpected(*written->front().error);
  drop_picture(written->front().image_uri_before);
  return {};
}

// Of a picture that no item has any more: only where it lies in the workspace; others' files are not ours to remove.
void RunningService::drop_picture(const std::string& image_uri) const {
  if (image_uri.empty()) return;
  static_cast<void>(writer_->between_writes([&](Workspace& workspace, LiveSpace&) -> Result<void> {
    const auto hash = workspace.forget_picture(image_uri);
    if (!hash) return std::unexpected(hash.error());
    if (!hash->empty()) thumbnails_->drop(*hash);
    return {};
  }));
}

}  // namespace warifu
