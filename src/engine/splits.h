#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "store/catalog.h"

namespace warifu {

struct IngestReport;

// Whether `folder` holds readable split files.
Result<void> check_splits(const std::filesystem::path& folder);

// Brings the catalog's splits up to date after items arrived: from the files of `folder`
// (query.txt, train.txt, database.txt, or any name), or, without a folder, drawn by a hash of seed and id
// for a catalog that never had split files. Writes the sizes into `report`.
Result<void> assign_splits(Catalog& catalog, const std::filesystem::path& folder, std::uint64_t seed,
                           IngestReport& report);

}  // namespace warifu
