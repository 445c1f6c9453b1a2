#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// What this machine can do at best with the chosen instruction set, so that the speed of a search can be said as a
// share of it. A shared machine is not equally fast twice: measure these next to what is held against them, several
// times, in turn (engine/bench_hamming.h).
//
// Each call starts threads of its own, which begin each round together once they run, so that starting them is no part
// of a figure. A call takes some ten milliseconds. Thread safety: calls would disturb each other.
namespace warifu {

// Bits per second that `threads` threads xor with a query, count and add up, each over 16 KiB of its own that stay in
// its first-level cache: the sum of what each reaches in its best of `rounds` short rounds. No scan of codes can be
// faster: N codes of B bits against Q queries are N B Q bits.
double popcount_limit(std::size_t threads, int rounds = 5);

// Bytes per second at which `threads` threads together read `bytes`, each a part, again and again as steady scans do:
// from a cache where they fit into one. The best of `rounds`, from the first thread's start to the last one's end. 0
// where there are fewer than 512 bytes for each thread.
double read_limit(std::span<const std::uint8_t> bytes, std::size_t threads, int rounds = 3);
// The same over so many bytes of memory of its own.
double read_limit(std::size_t bytes, std::size_t threads, int rounds = 3);

}  // namespace warifu
