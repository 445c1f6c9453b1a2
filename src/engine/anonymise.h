#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/image.h"
#include "engine/workspace.h"
#include "security/picture_mask.h"
#include "security/text_mask.h"

namespace warifu {

// How a workspace is anonymised. What is left out is as the workspace remembers it.
struct AnonymiseOptions {
  std::filesystem::path rules;  // a rule file (security/mask_rules.h); empty and nothing remembered: built in
  std::optional<bool> keep_original_path;  // remember where an original lies; nothing remembered: true
};

// What was taken out.
struct AnonymiseCounts {
  std::map<std::string, std::size_t> masked;  // places in texts, labels and attributes, by name of the rule
  std::size_t pictures = 0;                   // written anew
  std::size_t faces = 0;
  std::size_t plates = 0;
  std::size_t telling_ids = 0;  // ids in which a rule found something: ids are the user's keys and stay

  void add(const AnonymiseCounts& other);
};

// A picture as it may be kept: without faces, plates, and anything in the file beside its pixels.
struct AnonymisedPicture {
  std::vector<std::byte> bytes;
  std::string_view extension;  // ".jpg" or ".png": the original's name is not kept
};

// Takes personal data out of items on their way into a workspace, by `ingest` and by the service.
//
// The workspace remembers that it is anonymised and by which rules (in the catalog: "anonymise" = hash of the rules,
// "anonymise_rules", "anonymise_originals"), so that whoever adds items later does it too.
//
// Thread safety: words() and picture() may be called from any number of threads.
class Anonymiser {
 public:
  // Of an anonymised workspace by what it remembers; nothing for one that is not.
  static Result<std::optional<Anonymiser>> remembered(const Workspace& workspace);

  // By `options`; `workspace` may be null: nothing is remembered. Errors of the rule file name file and line. kNotFound
  // where the detectors are not installed.
  static Result<Anonymiser> make(const Workspace* workspace, const AnonymiseOptions& options);

  // kInvalidArgument if the workspace holds items or rejections from before it was anonymised: what is in its files
  // already cannot be taken back one by one.
  Result<void> check_clean(const Workspace& workspace) const;
  // For those who come later; the catalog must be writing. True if items were anonymised by other rules before.
  Result<bool> remember(Workspace& workspace) const;

  // Whether item.original_uri may be set. If not, nothing about originals may be kept: no path, file name or hash.
  bool keeps_original_path() const { return keep_original_path_; }

  // Masks item.text (normalised already) and the values of labels and attributes, and adds to `counts`. A value without
  // personal data stays as it was written; one with is normalised. kInvalidArgument if a rule does not come to an end.
  Result<void> words(Item& item, AnonymiseCounts& counts) const;
  // The same for one text, normalised.
  Result<std::string> text(std::string_view normalised, AnonymiseCounts& counts) const;

  // `image`: upright, at full size, as io/image_file.h decodes it. `original`: the file's first bytes, which tell the
  // kind: PNG, GIF and SVG have no loss and become PNG, everything else JPEG of quality 92. The same picture gives the
  // same bytes on the same machine.
  Result<AnonymisedPicture> picture(Image image, std::span<const std::byte> original, AnonymiseCounts& counts) const;

 private:
  Anonymiser(std::string rules, TextMask text, PictureMask picture, bool keep_original_path)
      : rules_(std::move(rules)),
        text_(std::move(text)),
        picture_(std::move(picture)),
        keep_original_path_(keep_original_path) {}

  static Result<Anonymiser> by_rules(std::string rules, const std::string& place, bool keep_original_path);

  std::string rules_;  // the rule file's text; empty: built in
  TextMask text_;
  PictureMask picture_;
  bool keep_original_path_;
};

}  // namespace warifu
