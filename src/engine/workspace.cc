#include "engine/workspace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "base/join.h"

namespace warifu {
namespace {

constexpr std::string_view kMaxMegapixels = "max_image_megapixels";  // in the catalog
constexpr std::string_view kInside = "workspace:";

Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  return {};
}

}  // namespace

Result<Workspace> Workspace::create_or_open(const std::filesystem::path& root) {
  std::error_code failure;
  const auto absolute = std::filesystem::absolute(root, failure);
  for (const char* folder : {"features", "pictures", "spaces", "vocabularies"})
    if (auto made = make_folder(absolute / folder); !made) return std::unexpected(made.error());
  return open(absolute);
}

Result<std::filesystem::path> Workspace::find(const std::filesystem::path& root) {
  std::error_code failure;
  auto absolute = std::filesystem::absolute(root, failure);
  if (std::filesystem::is_directory(absolute / "spaces", failure)) return absolute;
  return fail(ErrorCode::kNotFound, root.string() + ": no workspace there",
              "make one with 'warifu --workspace " + root.string() + " ingest PATH'");
}

Result<Workspace> Workspace::open(const std::filesystem::path& root) {
  const auto found = find(root);
  if (!found) return std::unexpected(found.error());
  auto catalog = open_catalog(*found / "catalog.db");
  if (!catalog) return std::unexpected(catalog.error());
  return Workspace(*found, std::move(*catalog));
}

Result<std::unique_ptr<FeatureStore>> Workspace::given_features(Modality modality) const {
  return open_feature_store(root_ / "features" / (std::string("given-") + modality_name(modality)));
}

Result<std::unique_ptr<FeatureStore>> Workspace::tower_features(std::string_view fingerprint) const {
  return open_feature_store(root_ / "features" / fingerprint);
}

Result<void> Workspace::check_space_name(std::string_view space) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (!space.empty() && space.size() <= 64 && space[0] != '.' && std::ranges::all_of(space, allowed)) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' cannot name a code space", space),
              "use 1 to 64 letters, digits, '-', '_' or '.', not starting with '.'");
}

Result<void> Workspace::require_space(std::string_view space) const {
  if (auto named = check_space_name(space); !named) return named;
  std::error_code failure;
  if (std::filesystem::exists(space_folder(space) / "model.json", failure)) return {};
  const std::string known = join(space_names());
  return fail(ErrorCode::kNotFound, "no code space is called '" + std::string(space) + "'",
              known.empty() ? "train one with 'warifu train --method contrastive'" : "known spaces: " + known);
}

Result<WriteLock> Workspace::lock_space(std::string_view space) const {
  auto lock = WriteLock::take(root_ / "spaces" / ("." + std::string(space) + ".lock"));
  if (!lock) return with_context("codes of space '" + std::string(space) + "'", lock.error());
  return lock;
}

Result<std::string> Workspace::choose_space(const std::string& wanted) const {
  constexpr const char* kUsual = "contrastive";
  std::string chosen = wanted;
  if (chosen.empty()) {
    const auto names = space_names();
    if (names.size() == 1) {
      chosen = names.front();
    } else if (names.empty() || std::ranges::find(names, kUsual) != names.end()) {
      chosen = kUsual;
    } else {
      return fail(ErrorCode::kInvalidArgument, "there are several code spaces", "choose with --space: " + join(names));
    }
  }
  if (auto there = require_space(chosen); !there) return std::unexpected(there.error());
  return chosen;
}

std::vector<std::string> Workspace::space_names() const {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(root_ / "spaces", failure))
    if (std::filesystem::exists(entry.path() / "model.json", failure) &&
        check_space_name(entry.path().filename().string()))
      names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

Result<std::string> Workspace::keep_picture(std::span<const std::byte> bytes, std::string_view hash,
                                            std::string_view name) const {
  std::string extension = std::filesystem::path(name).extension().string();
  if (extension.size() > 8) extension.clear();
  const auto relative = std::filesystem::path("pictures") / hash.substr(0, 2) / (std::string(hash) + extension);
  std::error_code failure;
  if (!std::filesystem::exists(root_ / relative, failure)) {
    if (auto made = make_folder((root_ / relative).parent_path()); !made) return std::unexpected(made.error());
    if (auto written = write_file_atomically(root_ / relative, bytes); !written)
      return std::unexpected(written.error());
  }
  return std::string(kInside) + relative.string();
}

ImageLimits Workspace::image_limits() const {
  ImageLimits limits;
  if (const auto allowed = catalog_->meta(kMaxMegapixels); allowed && *allowed)
    limits.max_megapixels = std::max(limits.max_megapixels, std::strtod((*allowed)->c_str(), nullptr));
  return limits;
}

Result<void> Workspace::allow_images(const ImageLimits& limits) {
  if (limits.max_megapixels <= image_limits().max_megapixels) return {};
  return catalog_->set_meta(kMaxMegapixels, std::to_string(limits.max_megapixels));
}

Result<std::string> Workspace::forget_picture(const std::string& image_uri) const {
  if (!image_uri.starts_with(kInside)) return std::string();
  const auto used = catalog_->has_picture(image_uri);
  if (!used) return std::unexpected(used.error());
  if (*used) return std::string();
  const auto file = root_ / image_uri.substr(kInside.size());
  std::error_code failure;
  std::filesystem::remove(file, failure);
  if (failure) return fail(ErrorCode::kIo, file.string() + ": " + failure.message());
  return file.stem().string();
}

std::filesystem::path Workspace::picture_path(const std::filesystem::path& root, const Item& item) {
  if (item.image_uri.starts_with(kInside)) return root / item.image_uri.substr(kInside.size());
  return item.image_uri;
}

Result<Image> Workspace::read_picture(const Item& item, const ImageLimits& limits, const PictureFormat& format) const {
  const auto path = picture_path(item);
  if (!picture_reader_) return decode_image(path, limits, format);
  const auto bytes = read_file(path, limits.max_bytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto image = picture_reader_(*bytes, limits, format);
  if (!image) return with_context(path.string(), image.error());
  return image;
}

}  // namespace warifu
