#include "engine/status.h"

#include "engine/code_files.h"
#include "methods/method.h"

namespace warifu {
namespace {

SpaceStatus space_status(const Workspace& workspace, const std::string& name) {
  SpaceStatus status;
  status.name = name;
  status.codes = {{"image", 0}, {"text", 0}, {"both", 0}};
  const auto info = read_space_info(workspace.space_folder(name));
  if (!info) {
    status.problem = info.error().message;
    return status;
  }
  status.method = info->method;
  status.caveat = info->caveat;
  status.image_encoder = info->image.name;
  status.text_encoder = info->text.name;
  status.generation = info->spaces.front().generation;
  for (const CodeSpace& space : info->spaces) status.bits.push_back(space.bits);
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    const auto codes = load_codes(workspace, info->spaces.front(), modality);
    if (!codes) {
      status.problem = codes.error().message;
    } else if (*codes) {
      status.codes[modality_name(modality)] = (*codes)->rows.size();
    }
  }
  return status;
}

}  // namespace

Result<std::map<std::string, std::size_t>> split_sizes(const Catalog& catalog) {
  std::map<std::string, std::size_t> sizes;
  const auto names = catalog.split_names();
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    const auto rows = catalog.split(name);
    if (!rows) return std::unexpected(rows.error());
    sizes[name] = rows->size();
  }
  return sizes;
}

Result<WorkspaceStatus> status_of(const Workspace& workspace) {
  WorkspaceStatus status;
  const Catalog& catalog = workspace.catalog();
  const auto counts = catalog.counts();
  if (!counts) return std::unexpected(counts.error());
  status.counts = *counts;
  auto splits = split_sizes(catalog);
  if (!splits) return std::unexpected(splits.error());
  status.splits = std::move(*splits);
  auto columns = catalog.label_columns();
  if (!columns) return std::unexpected(columns.error());
  status.label_columns = std::move(*columns);
  auto rejections = catalog.rejections();
  if (!rejections) return std::unexpected(rejections.error());
  status.rejections = std::move(*rejections);
  for (const std::string& name : workspace.space_names()) status.spaces.push_back(space_status(workspace, name));
  return status;
}

}  // namespace warifu
