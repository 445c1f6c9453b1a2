#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "io/record.h"

namespace warifu {

// A WebDataset: a .tar (plain, gzip, xz or zstd), or a folder of them, read in the order of their
// names. Neighbouring members with the same path up to the first dot of the file name are one
// item; that path is its id, unless the .json says another. By what follows the dot:
//
//   jpg, png, webp …   the picture; "seg.png" only where there is no plainer one
//   txt                the text; it counts more than one in the .json
//   json               as a line of JSONL (json_record.h); "caption" is a text, too
//   cls                a value of the label column "cls"
//
// Other members, hidden files, names without a dot and "__…__" are passed over, as the webdataset
// library does. Nothing is unpacked to disk, so a member's name can do no harm.
//
// A member that is too large (picture 256 MiB, others 16 MiB), broken text or JSON, and two members
// of one kind are a Rejection of their item. Where an archive is damaged or ends too early, the
// items before are given, then a Rejection that says behind which member, then what libarchive still
// finds and the archives that follow. At most one item lies in memory.
Result<std::unique_ptr<RecordReader>> open_webdataset(const std::filesystem::path& path, const SourceOptions& options);

// By its name: "a.tar", "a.tar.gz", "a.tgz", "a.tar.zst", "a.tar.xz", in any case.
bool is_tar_name(std::string_view file_name);

}  // namespace warifu
