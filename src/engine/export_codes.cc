#include "engine/export_codes.h"

#include <algorithm>

#include "base/file.h"
#include "engine/code_files.h"
#include "io/npy.h"
#include "methods/method.h"

namespace warifu {

Result<ExportedCodes> export_codes(const Workspace& workspace, const std::string& name, std::uint32_t bits,
                                   Modality modality, const std::filesystem::path& folder) {
  if (auto there = workspace.require_space(name); !there) return std::unexpected(there.error());
  const auto info = read_space_info(workspace.space_folder(name));
  if (!info) return std::unexpected(info.error());
  const auto space = choose_bits(*info, bits);
  if (!space) return std::unexpected(space.error());
  const auto segment = load_codes(workspace, *space, modality);
  if (!segment) return std::unexpected(segment.error());
  if (!*segment)
    return fail(ErrorCode::kNotFound, std::string("no ") + modality_name(modality) + " codes in space '" + name + "'",
                "run 'warifu index --space " + name + "'");
  const CodeMatrix& codes = (*segment)->codes;
  const std::size_t bytes_per_code = (codes.bits() + 7) / 8;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(codes.count() * bytes_per_code);
  for (std::size_t i = 0; i < codes.count(); ++i)
    for (std::size_t b = 0; b < bytes_per_code; ++b)
      bytes.push_back(static_cast<std::uint8_t>(codes.row(i)[b / 8] >> (8 * (b % 8))));
  const auto items = workspace.catalog().items((*segment)->rows);
  if (!items) return std::unexpected(items.error());
  std::string ids;
  for (const Item& item : *items) (ids += item.id) += '\n';

  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  std::string stem = name + "-" + modality_name(modality) + "-" + std::to_string(space->bits);
  if (!info->caveat.empty()) stem += "-" + info->caveat;
  std::ranges::replace(stem, ' ', '-');
  ExportedCodes written{folder / (stem + ".npy"), folder / (stem + ".ids.txt"), codes.count()};
  if (auto done = write_npy_u8(written.codes, bytes, codes.count(), bytes_per_code); !done)
    return std::unexpected(done.error());
  if (auto done = write_file_atomically(written.ids, ids); !done) return std::unexpected(done.error());
  return written;
}

}  // namespace warifu
