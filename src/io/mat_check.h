#pragma once

#include "base/error.h"

namespace warifu {

// Whether a .mat file is there to its end and unharmed, as far as its version lets one see: every
// variable of version 4 and 5 lies within the file, and every compressed one unpacks to its end, with
// the right checksum. libmatio takes what a broken variable still gives and leaves the rest as it
// was, so it is not asked. The length of a 7.3 file is checked by HDF5.
//
// Reads all of the file. Runs inside an IsolatedChild, whose time is limited: a small file may
// unpack to 4 GiB many times over.
Result<void> check_mat_whole(int file);

}  // namespace warifu
