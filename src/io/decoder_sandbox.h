#pragma once

#include <cstdint>

#include "io/decoder_protocol.h"

// How warifu-decoder shuts itself in. Linked into that program only.
namespace warifu {

// First of all: nothing is inherited but standard input and output and the socket, and the process ends with its
// parent.
void forget_the_parent();

// A filter of system calls cannot read the paths of files; Landlock can (Linux 5.13 and later). From here on, no file
// can be opened but fonts, and those only for reading. It binds the calling thread and those that it will start, so
// false if there are others; false, too, if the kernel knows no Landlock. No file of the system can be loaded after it.
bool allow_only_fonts();

// Before the first picture: the address space is limited to `memory_bytes`, and no system call is left but those
// that decoding takes (docs/decisions/uploads.md lists them). Opening files is among them only if `fonts`, the answer
// of allow_only_fonts(). The answer says whether the kernel went along.
DecoderHello close_the_doors(std::uint64_t memory_bytes, bool fonts);

// What must not succeed any more: errno of each of kForbiddenAttempts, 0 where it did.
std::array<std::int32_t, kForbiddenAttempts.size()> try_forbidden();

}  // namespace warifu
