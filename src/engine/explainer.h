#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/image.h"
#include "encode/encoder.h"
#include "engine/explain.h"
#include "engine/workspace.h"
#include "search/searcher.h"

namespace warifu {

// A match to be explained, as a user states it.
struct ExplainRequest {
  std::string id;  // of the item
  // The query: a text, a picture, both, or another item.
  std::optional<std::string> text;
  std::optional<std::filesystem::path> image;
  std::optional<std::string> like;
  std::optional<Modality> half;  // of the item that matched; nothing: the nearer one
};

// A workspace opened for explaining matches of one code space at one length. Nothing need be indexed: codes that are
// not stored are made of what the items are. Threads: one owner.
class Explainer {
 public:
  // Space as Workspace::choose_space; bits 0: the longest.
  static Result<Explainer> open(const Workspace& workspace, const std::string& space, std::uint32_t bits);

  // kNotFound: no such item; else as explain_match.
  Result<Explanation> explain(const ExplainRequest& request) const;

  // As draw_explanation.
  Result<Image> draw(const ExplainRequest& request, const Explanation& explanation) const;

 private:
  Explainer(const Workspace& workspace, std::unique_ptr<Encoder> encoder, std::unique_ptr<Searcher> searcher)
      : workspace_(&workspace), encoder_(std::move(encoder)), searcher_(std::move(searcher)) {}
  Result<Item> find(const std::string& id) const;
  PictureAs picture_of(const Item& item) const;
  PictureAs picture_in(const std::filesystem::path& file) const;
  Result<ExplainContent> query_content(const ExplainRequest& request) const;

  const Workspace* workspace_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Searcher> searcher_;  // for the codes that are stored
};

}  // namespace warifu
