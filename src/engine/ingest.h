#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/anonymise.h"
#include "engine/workspace.h"
#include "io/image_file.h"
#include "io/record.h"

namespace warifu {

struct IngestOptions {
  SourceOptions source;
  std::filesystem::path splits;  // folder of <split>.txt; empty: drawn by `seed`
  // Who may see the items of this run; an empty list: everybody. Unset: by source.group_column; without that, items
  // keep the groups that they have in the catalog, and new ones have none. Not together with source.group_column.
  std::optional<std::vector<std::string>> groups;
  bool allow_missing_pictures = false;  // keep an item whose picture file is not there
  ImageLimits limits;
  std::uint64_t seed = 1;  // of the drawn splits
  // Take personal data out (engine/anonymise.h). Unset: by what the workspace remembers, if it is anonymised.
  std::optional<AnonymiseOptions> anonymise;
  bool without_anonymising = false;  // take these items as they are although the workspace is anonymised
};

struct IngestReport {
  std::size_t added = 0;
  std::size_t updated = 0;
  std::size_t unchanged = 0;
  std::size_t replaced = 0;                   // of the updated: another picture, in another place
  std::size_t pictures_not_found = 0;         // kept without (features given, or allow_missing_pictures)
  std::vector<Rejection> rejected;            // each broken item with its place, reason and hint
  std::vector<ItemRow> rows;                  // of the items that were read, new or not
  std::size_t items = 0;                      // in the catalog afterwards
  std::map<std::string, std::size_t> splits;  // items in each split afterwards
  std::size_t unknown_split_ids = 0;          // named by a split file, but no such item
  std::optional<AnonymiseCounts> anonymised;  // of the items that were read, new or not; unset: taken as they are
  double seconds = 0;
  bool stopped = false;  // on request; the same command continues
};

// Reads a source into the catalog. A broken item is listed and never ends the run. Idempotent: a
// second run changes nothing and does not decode a picture again; after a crash or Ctrl-C the same
// command continues (work is committed every few seconds).
//
// Pictures stay where they are (their path and content hash are kept); those inside archives are
// copied into the workspace.
//
// Anonymised, each picture is written anew into the workspace without faces, plates and metadata, under a name that its
// content gives; the item is about that picture. Of the original at most the path is kept. Nothing of an original text
// or picture touches a file of the workspace; rejections are kept by their place only where original paths are. A
// second run changes nothing, but decodes every picture again, since nothing about originals is kept to compare with.
//
// Without `splits`, items are drawn into query (a tenth) and database = train (the rest), by a hash of
// id and seed: an item never changes sides when more items arrive.
//
// The workspace at `root` is made if there is none, but only once the source and the split files are
// seen to be readable: a refused source leaves nothing behind.
Result<IngestReport> ingest(const std::filesystem::path& root, const std::filesystem::path& path,
                            const IngestOptions& options, ProgressSink& progress);

}  // namespace warifu
