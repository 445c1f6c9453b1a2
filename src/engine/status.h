#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/workspace.h"

namespace warifu {

struct SpaceStatus {
  std::string name;
  std::string method;
  std::string caveat;  // as Encoder::caveat
  std::vector<std::uint32_t> bits;
  std::uint32_t generation = 1;
  std::string image_encoder;
  std::string text_encoder;
  std::map<std::string, std::size_t> codes;  // by modality
  std::string problem;                       // why the space cannot be used; empty: it can
};

struct WorkspaceStatus {
  CatalogCounts counts;
  std::map<std::string, std::size_t> splits;
  std::vector<std::string> label_columns;
  std::vector<SpaceStatus> spaces;
  std::vector<Rejection> rejections;
};

Result<WorkspaceStatus> status_of(const Workspace& workspace);

// Items of each split, by name.
Result<std::map<std::string, std::size_t>> split_sizes(const Catalog& catalog);

}  // namespace warifu
