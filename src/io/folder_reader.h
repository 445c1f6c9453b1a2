#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// The pictures (jpg jpeg png webp tif tiff gif bmp svg heic avif, any case) below a folder, in the
// order of their names, folder by folder. Beside "a.jpg", "a.txt" is its text and "a.json" its text,
// labels and attributes as parse_json_item() reads them (a text in the .txt counts first). A
// ".txt" without a picture is an item of text alone, as is a ".json" that has a text.
//
// The id is the path below the folder ("shirts/a.jpg"), unless the .json has one. The first
// folder of that path is the attribute "folder", or a label if options.label_columns names
// "folder". Hidden names, node_modules, __pycache__ and workspaces are skipped; links to folders are followed,
// each folder is visited once. What cannot be read is a Rejection.
Result<std::unique_ptr<RecordReader>> open_folder(const std::filesystem::path& path, const SourceOptions& options);

}  // namespace warifu
