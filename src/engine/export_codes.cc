#include "engine/export_codes.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "engine/code_files.h"
#include "io/text_lines.h"
#include "methods/method.h"
#include "segments/faiss_file.h"
#include "segments/npy_codes.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxIdBytes = std::size_t{64} << 10;

Result<CodeSpace> space_of(const Workspace& workspace, const std::string& name, std::uint32_t bits,
                           std::string* caveat) {
  if (auto there = workspace.require_space(name); !there) return std::unexpected(there.error());
  const auto info = read_space_info(workspace.space_folder(name));
  if (!info) return std::unexpected(info.error());
  *caveat = info->caveat;
  return choose_bits(*info, bits);
}

Result<std::vector<std::string>> read_ids(const std::filesystem::path& path) {
  auto lines = TextLines::open(path, kMaxIdBytes);
  if (!lines) return std::unexpected(lines.error());
  std::vector<std::string> ids;
  std::unordered_set<std::string> seen;
  for (TextLine line;;) {
    const auto more = lines->next(line);
    if (!more) return std::unexpected(more.error());
    if (!*more) return ids;
    const std::string place = path.string() + ":" + std::to_string(line.number) + ": ";
    if (line.too_long || line.text.empty()) return fail(ErrorCode::kBadFormat, place + "not an id");
    ids.emplace_back(line.text);
    if (!seen.insert(ids.back()).second)
      return fail(ErrorCode::kInvalidArgument, place + "'" + ids.back() + "' for the second time");
  }
}

Result<CodeMatrix> read_codes(const std::filesystem::path& path, std::uint32_t bits) {
  if (path.extension() == ".npy") return read_npy_codes(path, bits);
  auto read = read_faiss_file(path);
  if (!read) return std::unexpected(read.error());
  if (read->codes.bits() == bits) return std::move(read->codes);
  return fail(ErrorCode::kIncompatible, path.string() + ": codes of " + std::to_string(read->codes.bits()) +
                                            " bits; the space has " + std::to_string(bits));
}

bool is_without_codes(const Workspace& workspace, const std::string& space) {
  std::error_code failure;
  const auto folder = workspace.space_folder(space) / "codes";
  return !std::filesystem::exists(folder, failure) || std::filesystem::is_empty(folder, failure);
}

// Into a space without any code: these are taken for made of the items as they are now, and 'warifu index' adds what
// is missing.
Result<void> note_import(const Workspace& workspace, const CodeSpace& space) {
  IndexState state;
  const auto revision = workspace.catalog().last_revision();
  if (!revision) return std::unexpected(revision.error());
  state.fingerprint = space.fingerprint;
  for (std::uint32_t made = 1; made <= space.generation; ++made) state.revisions[made] = *revision;
  return write_index_state(workspace, space.name, state);
}

}  // namespace

Result<CodeFormat> parse_code_format(std::string_view name) {
  if (name == "npy") return CodeFormat::kNpy;
  if (name == "faiss") return CodeFormat::kFaiss;
  return fail(ErrorCode::kInvalidArgument, "codes are not written as '" + std::string(name) + "'", "use npy or faiss");
}

Result<ExportedCodes> export_codes(const Workspace& workspace, const std::string& name, std::uint32_t bits,
                                   Modality modality, const std::filesystem::path& folder, CodeFormat format) {
  std::string caveat;
  const auto space = space_of(workspace, name, bits, &caveat);
  if (!space) return std::unexpected(space.error());
  const auto segment = load_codes(workspace, *space, modality);
  if (!segment) return std::unexpected(segment.error());
  if (!*segment)
    return fail(ErrorCode::kNotFound, std::string("no ") + modality_name(modality) + " codes in space '" + name + "'",
                "run 'warifu index --space " + name + "'");
  const auto items = workspace.catalog().items((*segment)->rows);
  if (!items) return std::unexpected(items.error());
  std::string ids;
  for (const Item& item : *items) (ids += item.id) += '\n';

  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return fail(ErrorCode::kIo, folder.string() + ": " + failure.message());
  std::string stem = name + "-" + modality_name(modality) + "-" + std::to_string(space->bits);
  if (!caveat.empty()) stem += "-" + caveat;
  std::ranges::replace(stem, ' ', '-');
  const bool npy = format == CodeFormat::kNpy;
  const ExportedCodes written{folder / (stem + (npy ? ".npy" : ".index")), folder / (stem + ".ids.txt"),
                              (*segment)->codes.count()};
  auto done =
      npy ? write_npy_codes(written.codes, (*segment)->codes) : write_faiss_flat(written.codes, (*segment)->codes);
  if (!done) return std::unexpected(done.error());
  if (done = write_file_atomically(written.ids, ids); !done) return std::unexpected(done.error());
  return written;
}

Result<ImportedCodes> import_codes(const Workspace& workspace, const std::string& name, std::uint32_t bits,
                                   Modality modality, const std::filesystem::path& codes,
                                   const std::filesystem::path& ids) {
  if (auto there = workspace.require_space(name); !there) return std::unexpected(there.error());
  const auto lock = workspace.lock_space(name);
  if (!lock) return std::unexpected(lock.error());
  std::string caveat;
  const auto space = space_of(workspace, name, bits, &caveat);
  if (!space) return std::unexpected(space.error());
  const bool first = is_without_codes(workspace, name);
  const auto given = read_codes(codes, space->bits);
  if (!given) return std::unexpected(given.error());
  const auto names = read_ids(ids);
  if (!names) return std::unexpected(names.error());
  if (names->size() != given->count())
    return fail(ErrorCode::kInvalidArgument, ids.string() + ": " + std::to_string(names->size()) + " ids for " +
                                                 std::to_string(given->count()) + " codes");
  ImportedCodes imported;
  std::vector<std::pair<ItemRow, std::size_t>> places;
  for (std::size_t i = 0; i < names->size(); ++i) {
    const auto item = workspace.catalog().find((*names)[i]);
    if (!item) return std::unexpected(item.error());
    if (*item)
      places.emplace_back((*item)->row, i);
    else
      imported.unknown_ids.push_back((*names)[i]);
  }
  std::ranges::sort(places);
  CodeSegment added{*space, modality, {}, CodeMatrix(places.size(), space->bits)};
  for (const auto& [row, i] : places) {
    std::ranges::copy(given->row(i), added.codes.row(added.rows.size()).begin());
    added.rows.push_back(row);
  }
  if (auto saved = add_codes(workspace, added); !saved) return std::unexpected(saved.error());
  if (first)
    if (auto noted = note_import(workspace, *space); !noted) return std::unexpected(noted.error());
  imported.count = added.rows.size();
  return imported;
}

}  // namespace warifu
