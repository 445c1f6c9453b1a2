#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "codes/code_blocks.h"
#include "codes/code_space.h"
#include "segments/code_segment_view.h"
#include "segments/rows_view.h"

namespace warifu {

// A code segment's file, searched where it lies: nothing is copied, and the operating system keeps in memory what is
// looked at. (A file of version 1 is read and converted into memory; nobody can tell.)
//
// Segments are immutable: a file that is shortened or written to while it is open ends the process or gives wrong
// hits. Replacing it by another (write_code_segment) or removing it is harmless.
//
// Thread safety: it is read only. Views are valid as long as the segment.
class MappedSegment {
 public:
  // kNotFound if there is none; kBadFormat names file and place; a newer version is kIncompatible with a hint.
  static Result<std::shared_ptr<const MappedSegment>> open(const std::filesystem::path& path, SegmentCheck check);

  const CodeSpace& space() const { return view_.space; }
  Modality modality() const { return view_.modality; }
  BlockView codes() const { return view_.codes; }
  RowsView rows() const { return view_.rows; }  // ascending
  std::size_t count() const { return view_.codes.count; }
  const std::filesystem::path& path() const { return path_; }

  // For make_shared; use open.
  MappedSegment(std::filesystem::path path, MappedFile file, CodeSegmentView view);
  MappedSegment(std::filesystem::path path, CodeSpace space, Modality modality, std::vector<std::int64_t> rows,
                CodeBlocks codes);

 private:
  std::filesystem::path path_;
  MappedFile file_;                 // of version 2
  std::vector<std::int64_t> rows_;  // of version 1
  CodeBlocks blocks_;               // of version 1
  CodeSegmentView view_;            // into the above
};

}  // namespace warifu
