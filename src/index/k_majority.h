#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codes/code_blocks.h"
#include "codes/code_matrix.h"

// Inside index/: clusters of binary codes. The centre of a cluster is the majority of its members in each bit, which is
// the code with the least sum of distances to them: k-means for the Hamming distance.
//
// Source: C. Grana, D. Borghesani, M. Manfredi and R. Cucchiara, "A fast approach for integrating ORB descriptors in
// the bag of words model", SPIE Multimedia Content and Mobile Devices, 2013 (k-majority).
namespace warifu {

// `clusters` centres (fewer where `codes` has fewer distinct ones) learned from a drawn sample; the same for the same
// seed and any number of threads. Time: about clusters^2 * 64 * rounds distances.
CodeMatrix k_majority(const BlockView& codes, std::size_t clusters, std::size_t rounds, std::uint64_t seed);

struct NearestCentre {
  std::uint32_t centre = 0;
  std::uint32_t distance = 0;
};

// For each code its nearest centre, of equal ones the first.
std::vector<NearestCentre> nearest_centres(const BlockView& codes, const CodeMatrix& centres);

}  // namespace warifu
