#include "engine/anonymise.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "io/image_file.h"
#include "text/normalize.h"

namespace warifu {
namespace {

constexpr std::string_view kHash = "anonymise";  // keys in the catalog
constexpr std::string_view kRules = "anonymise_rules";
constexpr std::string_view kOriginals = "anonymise_originals";
constexpr std::string_view kPath = "path";
constexpr std::string_view kNever = "never";

constexpr std::size_t kMaxRuleFileBytes = std::size_t{1} << 20;
constexpr int kJpegQuality = 92;
constexpr int kMaxJpegSide = 65'500;

// Neither a photograph nor compressed with loss: JPEG would add what was not there.
bool is_lossless(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 1024));
  return text.starts_with("\x89PNG") || text.starts_with("GIF8") || text.find("<svg") != std::string_view::npos;
}

}  // namespace

void AnonymiseCounts::add(const AnonymiseCounts& other) {
  for (const auto& [rule, places] : other.masked) masked[rule] += places;
  pictures += other.pictures;
  faces += other.faces;
  plates += other.plates;
  telling_ids += other.telling_ids;
}

Result<Anonymiser> Anonymiser::by_rules(std::string rules, const std::string& place, bool keep_original_path) {
  auto read = read_mask_rules(rules, place);
  if (!read) return std::unexpected(read.error());
  auto text = TextMask::compile(*read);
  if (!text) return std::unexpected(text.error());
  auto picture = PictureMask::load();
  if (!picture) return std::unexpected(picture.error());
  return Anonymiser(std::move(rules), std::move(*text), std::move(*picture), keep_original_path);
}

Result<std::optional<Anonymiser>> Anonymiser::remembered(const Workspace& workspace) {
  const auto hash = workspace.catalog().meta(kHash);
  if (!hash) return std::unexpected(hash.error());
  if (!*hash) return std::optional<Anonymiser>();
  auto made = make(&workspace, {});
  if (!made) return std::unexpected(made.error());
  return std::optional<Anonymiser>(std::move(*made));
}

Result<Anonymiser> Anonymiser::make(const Workspace* workspace, const AnonymiseOptions& options) {
  std::string rules;
  bool keep_original_path = true;
  if (workspace != nullptr) {
    auto old_rules = workspace->catalog().meta(kRules);
    if (!old_rules) return std::unexpected(old_rules.error());
    if (*old_rules) rules = std::move(**old_rules);
    const auto originals = workspace->catalog().meta(kOriginals);
    if (!originals) return std::unexpected(originals.error());
    keep_original_path = !*originals || **originals == kPath;
  }
  if (options.keep_original_path) keep_original_path = *options.keep_original_path;
  if (options.rules.empty()) return by_rules(std::move(rules), "the workspace's rules", keep_original_path);
  auto file = read_text_file(options.rules, kMaxRuleFileBytes);
  if (!file) return std::unexpected(file.error());
  return by_rules(std::move(*file), options.rules.string(), keep_original_path);
}

Result<void> Anonymiser::check_clean(const Workspace& workspace) const {
  const auto hash = workspace.catalog().meta(kHash);
  if (!hash) return std::unexpected(hash.error());
  if (*hash) return {};
  const auto counts = workspace.catalog().counts();
  if (!counts) return std::unexpected(counts.error());
  if (counts->items + counts->rejections == 0) return {};
  return fail(ErrorCode::kInvalidArgument,
              workspace.root().string() + ": holds items that were ingested as they are (" +
                  std::to_string(counts->items) + "): it cannot be anonymised afterwards",
              "ingest everything into a new workspace with --anonymise, then remove this one");
}

Result<bool> Anonymiser::remember(Workspace& workspace) const {
  Catalog& catalog = workspace.catalog();
  const std::string hash = content_hash(rules_);
  const auto before = catalog.meta(kHash);
  if (!before) return std::unexpected(before.error());
  const std::pair<std::string_view, std::string_view> values[] = {
      {kHash, hash}, {kRules, rules_}, {kOriginals, keep_original_path_ ? kPath : kNever}};
  for (const auto& [key, value] : values) {
    const auto old = catalog.meta(key);
    if (!old) return std::unexpected(old.error());
    if (*old && **old == value) continue;
    if (auto set = catalog.set_meta(key, value); !set) return std::unexpected(set.error());
  }
  return *before && **before != hash;
}

Result<std::string> Anonymiser::text(std::string_view normalised, AnonymiseCounts& counts) const {
  auto masked = text_.mask(normalised);
  if (!masked) return std::unexpected(masked.error());
  for (const auto& [rule, places] : masked->counts) counts.masked[rule] += places;
  return std::move(masked->text);
}

Result<void> Anonymiser::words(Item& item, AnonymiseCounts& counts) const {
  if (item.text) {
    auto masked = text(*item.text, counts);
    if (!masked) return with_context("text", masked.error());
    item.text = std::move(*masked);
  }
  for (auto* values : {&item.labels, &item.attributes})
    for (Label& value : *values) {
      const auto normalised = normalize_text(value.value);
      if (!normalised) return with_context(value.column, normalised.error());
      const auto masked = text_.mask(*normalised);
      if (!masked) return with_context(value.column, masked.error());
      if (masked->counts.empty()) continue;
      for (const auto& [rule, places] : masked->counts) counts.masked[rule] += places;
      value.value = masked->text;
    }
  if (const auto id = normalize_text(item.id)) {
    const auto masked = text_.mask(*id);
    counts.telling_ids += !masked || !masked->counts.empty();
  }
  return {};
}

Result<AnonymisedPicture> Anonymiser::picture(Image image, std::span<const std::byte> original,
                                              AnonymiseCounts& counts) const {
  auto masked = picture_.mask(std::move(image));
  if (!masked) return std::unexpected(masked.error());
  const bool png = is_lossless(original) || std::max(masked->image.width, masked->image.height) > kMaxJpegSide;
  auto bytes = png ? encode_png(masked->image) : encode_jpeg(masked->image, kJpegQuality);
  if (!bytes) return std::unexpected(bytes.error());
  ++counts.pictures;
  counts.faces += masked->faces;
  counts.plates += masked->plates;
  return AnonymisedPicture{std::move(*bytes), png ? ".png" : ".jpg"};
}

}  // namespace warifu
