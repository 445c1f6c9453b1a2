#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codes/code_space.h"
#include "io/image_file.h"
#include "store/catalog.h"
#include "store/feature_store.h"
#include "store/write_lock.h"

namespace warifu {

// A workspace on disk:
//
//   access.db                     users and their keys (security/access_store.h)
//   audit/000001.jsonl …          who did what (security/audit_log.h)
//   catalog.db                    items, labels, splits, rejections (SQLite)
//   feedback/                     what people said of answers (store/feedback_store.h)
//   features/given-image.npy …    features that came with the items, by item id
//   features/<tower>-<hash>.npy   outputs of frozen towers, by content hash
//   pictures/ab/abcd….jpg         pictures that came inside archives
//   spaces/<name>/                one trained code space: model, towers, vocabulary, log
//   spaces/<name>/evaluations/    the last measurement of each kind (engine/evaluations.h)
//   spaces/<name>/codes/          its codes, one code store (segments/code_store.h) a modality and code length
//
// One Workspace belongs to one thread at a time; several processes may open the same folder (one
// writer, see store/catalog.h).
class Workspace {
 public:
  static Result<Workspace> create_or_open(const std::filesystem::path& root);
  static Result<Workspace> open(const std::filesystem::path& root);  // kNotFound with the command to run
  // The absolute path of a workspace that is there, without opening anything; kNotFound as open().
  static Result<std::filesystem::path> find(const std::filesystem::path& root);

  const std::filesystem::path& root() const { return root_; }
  Catalog& catalog() { return *catalog_; }
  const Catalog& catalog() const { return *catalog_; }

  // Features given at ingest, of one modality; keys are item ids.
  Result<std::unique_ptr<FeatureStore>> given_features(Modality modality) const;
  // Cached outputs of a frozen tower; keys are content hashes.
  Result<std::unique_ptr<FeatureStore>> tower_features(std::string_view fingerprint) const;

  std::filesystem::path space_folder(std::string_view space) const { return root_ / "spaces" / space; }
  std::filesystem::path vocabulary_folder() const { return root_ / "vocabularies"; }
  // kInvalidArgument unless the name is 1 … 64 of letters, digits, '-', '_', '.', not starting with '.'.
  static Result<void> check_space_name(std::string_view space);
  // kNotFound lists the spaces there are.
  Result<void> require_space(std::string_view space) const;
  // The space a command means: `wanted`, or for an empty name the only one there is, else "contrastive".
  // kNotFound, or kInvalidArgument listing the spaces to choose from.
  Result<std::string> choose_space(const std::string& wanted) const;
  std::vector<std::string> space_names() const;
  // The right to write the space's codes or to put another model in its place. kUnavailable if somebody else has it.
  Result<WriteLock> lock_space(std::string_view space) const;

  // Puts the bytes of a picture from inside an archive into the workspace; the item's image_uri.
  Result<std::string> keep_picture(std::span<const std::byte> bytes, std::string_view hash,
                                   std::string_view name) const;
  // How large a picture may be: the most that any ingest allowed.
  ImageLimits image_limits() const;
  // Widens image_limits(); the catalog must be writing.
  Result<void> allow_images(const ImageLimits& limits);

  // Removes a picture that keep_picture() put into the workspace, unless an item still has it; the content hash of what
  // was removed, empty where nothing was. Pictures elsewhere are not ours to remove.
  Result<std::string> forget_picture(const std::string& image_uri) const;

  // The file behind an item's image_uri.
  std::filesystem::path picture_path(const Item& item) const { return picture_path(root_, item); }
  static std::filesystem::path picture_path(const std::filesystem::path& root, const Item& item);

  // Decodes the bytes of a picture, within image_limits().
  using PictureReader = std::function<Result<Image>(std::span<const std::byte> bytes, const ImageLimits& limits,
                                                    const std::optional<PictureFormat>& format)>;
  // How pictures of items are decoded from now on: by default in this process (io/image_file.h); a server has it done
  // by one that can do nothing else (io/picture_decoder.h). Called from any thread.
  void read_pictures_by(PictureReader reader) { picture_reader_ = std::move(reader); }
  // The picture of an item. As decode_image; many callers at once, `limits` from image_limits().
  Result<Image> read_picture(const Item& item, const ImageLimits& limits, const PictureFormat& format) const;

 private:
  Workspace(std::filesystem::path root, std::unique_ptr<Catalog> catalog)
      : root_(std::move(root)), catalog_(std::move(catalog)) {}

  std::filesystem::path root_;
  std::unique_ptr<Catalog> catalog_;
  PictureReader picture_reader_;  // empty: decode_image
};

}  // namespace warifu
