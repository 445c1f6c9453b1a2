#pragma once

#include "base/error.h"

namespace warifu {

// Whether a .mat file of version 5 is there to its end and unharmed: every element lies within the
// file, and every compressed one unpacks to its end, with the right checksum. libmatio
// takes what a broken element still gives and leaves the rest zero, so it is not asked. Files of other
// versions pass: HDF5 checks the length of 7.3 itself, and version 4 is for libmatio to judge.
//
// Reads all of the file. Runs inside an IsolatedChild, whose time is limited: a small file may
// unpack to 4 GiB many times over.
Result<void> check_mat_whole(int file);

}  // namespace warifu
