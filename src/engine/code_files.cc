#include "engine/code_files.h"

#include "base/join.h"

namespace warifu {

std::filesystem::path code_file(const Workspace& workspace, std::string_view space, Modality modality,
                                std::uint32_t bits) {
  return workspace.space_folder(space) / "codes" /
         (std::string(modality_name(modality)) + "-" + std::to_string(bits) + ".wcs");
}

Result<CodeSpace> choose_bits(const SpaceInfo& info, std::uint32_t bits) {
  for (const CodeSpace& space : info.spaces)
    if (space.bits == bits) return space;
  if (bits == 0) return info.spaces.back();
  return fail(ErrorCode::kInvalidArgument,
              "space '" + info.spaces.back().name + "' has no codes of " + std::to_string(bits) + " bits",
              "it has " + join(info.spaces, [](const CodeSpace& space) { return std::to_string(space.bits); }));
}

Result<std::unique_ptr<CodeSegment>> load_codes(const Workspace& workspace, const CodeSpace& space, Modality modality) {
  const auto path = code_file(workspace, space.name, modality, space.bits);
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) return nullptr;
  auto segment = read_code_segment(path);
  if (!segment) return std::unexpected(segment.error());
  if (segment->space != space)
    return fail(ErrorCode::kIncompatible,
                path.string() + ": these codes were made by another model than the one in space '" + space.name + "'",
                "run 'warifu index --space " + space.name + "' to encode the items anew");
  return std::make_unique<CodeSegment>(std::move(*segment));
}

}  // namespace warifu
