#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "encode/encoder.h"
#include "engine/found_item.h"
#include "engine/query_encoder.h"
#include "engine/workspace.h"
#include "search/searcher.h"

namespace warifu {

inline constexpr const char* kConfidenceFile = "confidence.json";  // in a space's folder, see engine/calibrate.h

// One search as a user states it.
struct FindRequest {
  std::optional<std::string> text;
  std::optional<std::filesystem::path> image;
  std::optional<std::string> like;  // an item's id
  Find find = Find::kAny;
  std::size_t k = 10;
  std::vector<std::string> filters;  // "column=value"; all must hold
  // What the channels weigh; nothing: what the space's calibration chose, else 1. With 0 a channel is not asked.
  std::optional<double> code_weight;
  std::optional<double> word_weight;
};

// A workspace opened for searching one code space at one length: model and codes are loaded once
// and answer any number of queries, by codes and by words.
//
// Threads: one owner.
class Finder {
 public:
  // Space as Workspace::choose_space; bits 0: the longest.
  // kNotFound if nothing is indexed, kIncompatible if the codes are of another model.
  static Result<Finder> open(const Workspace& workspace, const std::string& space, std::uint32_t bits);

  Result<FoundItems> find(const FindRequest& request) const;

  // The parts of it, for measurements.
  Result<EncodedQuery> encode(const QueryContent& content) const;
  Result<HybridAnswer> hybrid(const HybridRequest& request) const;
  const Searcher& searcher() const { return *searcher_; }

  const CodeSpace& space() const { return searcher_->space(); }

 private:
  explicit Finder(const Workspace& workspace) : workspace_(&workspace) {}
  Result<RowFilter> filter(const std::vector<std::string>& conditions) const;
  Result<HybridRequest> hybrid_request(const FindRequest& request) const;

  const Workspace* workspace_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Searcher> searcher_;
  std::optional<ConfidenceModel> confidence_;
};

}  // namespace warifu
