#include "index/clusters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "base/rng.h"
#include "codes/block_kernels.h"
#include "index/k_majority.h"

namespace warifu {
namespace {

constexpr std::size_t kRounds = 8;
// Clusters looked into before the rest is judged, and the share of the codes from which the plain scan is faster.
constexpr std::size_t kClustersTried = 6;
constexpr double kShareOfTheScan = 0.25;
// So many queries in vain in a row, and only one in so many is tried.
constexpr std::uint32_t kInVain = 8;
constexpr std::uint32_t kTryOneIn = 32;

// As the number of centres to compare with grows, that of the codes of a cluster falls; about here their sum is least.
std::size_t clusters_for(std::size_t distinct) {
  return std::clamp<std::size_t>(static_cast<std::size_t>(1.3 * std::sqrt(static_cast<double>(distinct))), 1, 16384);
}

// Positions by equal codes: those of code i are positions[first[i]] … positions[first[i + 1] - 1], ascending.
struct EqualCodes {
  std::vector<std::uint32_t> positions;
  std::vector<std::uint32_t> first;  // empty: no two are equal
};

EqualCodes equal_codes(const BlockView& codes) {
  EqualCodes equal;
  if (codes.bits > 64) {
    equal.positions.resize(codes.count);
    std::iota(equal.positions.begin(), equal.positions.end(), 0U);
    return equal;
  }
  const CodeMatrix rows = unblock(codes);
  struct Entry {
    std::uint64_t code;
    std::uint32_t position;
    auto operator<=>(const Entry&) const = default;
  };
  std::vector<Entry> entries(codes.count);
  for (std::size_t i = 0; i < codes.count; ++i) entries[i] = {rows.row(i)[0], static_cast<std::uint32_t>(i)};
  std::ranges::sort(entries);
  equal.positions.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == 0 || entries[i].code != entries[i - 1].code) equal.first.push_back(static_cast<std::uint32_t>(i));
    equal.positions.push_back(entries[i].position);
  }
  if (equal.first.size() == entries.size())
    equal.first.clear();
  else
    equal.first.push_back(static_cast<std::uint32_t>(entries.size()));
  return equal;
}

// The first position of each distinct code, as blocks of their own.
CodeBlocks distinct_codes(const BlockView& codes, const EqualCodes& equal) {
  const std::size_t distinct = equal.first.empty() ? equal.positions.size() : equal.first.size() - 1;
  CodeBlocks blocks(distinct, codes.bits);
  for (std::size_t i = 0; i < distinct; ++i) {
    const std::size_t position = equal.positions[equal.first.empty() ? i : equal.first[i]];
    blocks.place(i, unblock(codes, position, position + 1).row(0));
  }
  return blocks;
}

}  // namespace

std::shared_ptr<const Clusters> Clusters::build(const SegmentView& segment, std::size_t clusters, std::uint64_t seed) {
  const std::shared_ptr<Clusters> made(new Clusters);
  const EqualCodes equal = equal_codes(segment.codes);
  const CodeBlocks distinct = distinct_codes(segment.codes, equal);
  const std::size_t count = distinct.view().count;
  made->distinct_ = count;
  if (clusters == 0) clusters = clusters_for(count);
  const CodeMatrix centres =
      k_majority(distinct.view(), std::min(clusters, std::max<std::size_t>(count, 1)), kRounds, seed);
  const auto nearest = nearest_centres(distinct.view(), centres);
  made->centres_ = CodeBlocks(centres);

  // By cluster, then distance to its centre, then code.
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&](std::uint32_t i) {
    return std::uint64_t{nearest[i].centre} << 48 | std::uint64_t{nearest[i].distance} << 32 | i;
  });
  std::vector<std::size_t> members(centres.count());
  for (const NearestCentre& centre : nearest) ++members[centre.centre];
  made->first_block_.push_back(0);
  for (const std::size_t size : members)
    made->first_block_.push_back(made->first_block_.back() +
                                 static_cast<std::uint32_t>((size + kBlockCodes - 1) / kBlockCodes));
  const std::size_t blocks = made->first_block_.back();
  made->slots_ = CodeBlocks(blocks * kBlockCodes, segment.codes.bits);
  made->open_.resize(blocks);
  made->nearest_.resize(blocks);
  made->farthest_.resize(blocks);
  std::vector<std::uint32_t> code_of_slot(blocks * kBlockCodes, std::numeric_limits<std::uint32_t>::max());
  std::size_t next = 0;
  for (std::size_t c = 0; c < members.size(); ++c)
    for (std::size_t i = 0; i < members[c]; ++i, ++next) {
      const std::size_t slot = made->first_block_[c] * kBlockCodes + i;
      const std::uint32_t code = order[next];
      const auto radius = static_cast<std::uint16_t>(nearest[code].distance);
      code_of_slot[slot] = code;
      made->slots_.place(slot, unblock(distinct.view(), code, code + std::size_t{1}).row(0));
      const std::size_t block = slot / kBlockCodes;
      if (made->open_[block] == 0) made->nearest_[block] = radius;
      made->farthest_[block] = radius;
      made->open_[block] |= std::uint64_t{1} << (slot % kBlockCodes);
    }
  for (std::size_t c = 0; c < members.size(); ++c) {
    made->least_.push_back(members[c] == 0 ? 1 : made->nearest_[made->first_block_[c]]);
    made->greatest_.push_back(members[c] == 0 ? 0 : made->farthest_[made->first_block_[c + 1] - std::size_t{1}]);
  }
  if (equal.first.empty()) {
    for (const std::uint32_t code : code_of_slot)
      made->positions_.push_back(code == std::numeric_limits<std::uint32_t>::max() ? 0 : equal.positions[code]);
    return made;
  }
  for (const std::uint32_t code : code_of_slot) {
    made->first_position_.push_back(static_cast<std::uint32_t>(made->positions_.size()));
    if (code == std::numeric_limits<std::uint32_t>::max()) continue;
    for (std::uint32_t i = equal.first[code]; i < equal.first[code + std::size_t{1}]; ++i)
      made->positions_.push_back(equal.positions[i]);
  }
  made->first_position_.push_back(static_cast<std::uint32_t>(made->positions_.size()));
  return made;
}

std::size_t Clusters::bytes() const {
  return centres_.view().block_bytes() + slots_.view().block_bytes() + open_.size() * sizeof(std::uint64_t) +
         (first_block_.size() + positions_.size() + first_position_.size()) * sizeof(std::uint32_t) +
         (least_.size() + greatest_.size() + nearest_.size() + farthest_.size()) * sizeof(std::uint16_t);
}

// One query. Its memory is used again for the next one.
class Clusters::Query {
 public:
  Query(const Clusters& clusters, const BlockScan& scan)
      : clusters_(clusters),
        scan_(scan),
        kernels_(chosen_block_kernels()),
        centres_(clusters.centres_.view()),
        distances_(centres_.blocks() * kBlockCodes),
        order_(centres_.count),
        first_of_distance_(std::size_t{centres_.bits} + 2) {
    filtered_ = scan.segment.live != nullptr || (scan.filter != nullptr && !scan.filter->allows_all());
  }

  // False where the plain scan should be asked.
  bool run(const std::uint32_t* query, std::uint32_t limit, std::size_t max_clusters) {
    query_ = query;
    blocks_read_ = 0;
    collector_.start(scan_.k, limit, Ties::kAll);
    if (filtered_) collector_.check_lanes(open_of_near, this);
    kernels_.distances({centres_, 0, centres_.blocks(), nullptr}, query_, distances_.data());
    const auto nearest = static_cast<std::uint32_t>(
        std::ranges::min_element(distances_.begin(), distances_.begin() + static_cast<std::ptrdiff_t>(centres_.count)) -
        distances_.begin());
    // The nearest one leaves few of the others to be put in order.
    std::size_t looked_into = look_into(nearest) ? 1 : 0;
    const std::span<const std::uint32_t> others = order_others(nearest);
    bool judged = max_clusters != 0;
    for (std::size_t i = 0; i < others.size(); ++i) {
      if (max_clusters != 0 && looked_into == max_clusters) break;
      if (!judged && looked_into == kClustersTried) {
        judged = true;
        if (share_left(others.subspan(i)) > kShareOfTheScan) return false;
      }
      if (i + kAskForBounds < others.size()) ask_for_bounds(others[i + kAskForBounds]);
      if (i + kAskForCodes < others.size()) ask_for_codes(others[i + kAskForCodes]);
      looked_into += look_into(others[i]) ? 1 : 0;
      if (looked_into % 256 == 255 && scan_.stop.due()) break;
    }
    return true;
  }

  std::size_t blocks_read() const { return blocks_read_; }

  // The k nearest positions in ascending (distance, position).
  std::vector<Candidate> found() {
    const std::vector<Candidate> slots = collector_.nearest();
    for (const Candidate& slot : slots) clusters_.ask_for_positions(slot.position);
    std::vector<Candidate> candidates;
    for (const Candidate& slot : slots) {
      // What lies behind the distance at which there are enough cannot count.
      if (candidates.size() >= scan_.k && slot.distance > candidates.back().distance) break;
      std::size_t taken = 0;
      for (const std::uint32_t position : clusters_.positions_of(slot.position)) {
        if (filtered_ && !may_be_found(position)) continue;
        candidates.push_back({slot.distance, position});
        if (++taken == scan_.k) break;
      }
    }
    return select_nearest(std::move(candidates), scan_.k);
  }

 private:
  // Clusters to come, at these places ahead: what is in memory takes as long to come as several clusters to look into.
  static constexpr std::size_t kAskForBounds = 8;
  static constexpr std::size_t kAskForCodes = 3;
  static constexpr std::size_t kAskedBlocks = 16;

  bool may_be_near(std::uint32_t cluster) const {
    const auto distance = static_cast<std::int32_t>(distances_[cluster]);
    const auto limit = static_cast<std::int32_t>(collector_.limit());
    // Without a branch: clusters are asked one after the other.
    return static_cast<bool>(static_cast<int>(distance - clusters_.greatest_[cluster] < limit) &
                             static_cast<int>(clusters_.least_[cluster] - distance < limit));
  }

  // All clusters but the nearest that may hold something, the near ones first.
  std::span<const std::uint32_t> order_others(std::uint32_t nearest) {
    others_.resize(centres_.count + 1);  // one more: it is written before it is known whether it stays
    std::size_t count = 0;
    for (std::uint32_t cluster = 0; cluster < centres_.count; ++cluster) {
      others_[count] = cluster;
      count += may_be_near(cluster) && cluster != nearest ? 1 : 0;
    }
    others_.resize(count);
    std::ranges::fill(first_of_distance_, 0U);
    for (const std::uint32_t cluster : others_) ++first_of_distance_[distances_[cluster] + std::size_t{1}];
    std::partial_sum(first_of_distance_.begin(), first_of_distance_.end(), first_of_distance_.begin());
    for (const std::uint32_t cluster : others_) order_[first_of_distance_[distances_[cluster]]++] = cluster;
    return std::span(order_).first(count);
  }

  void ask_for_bounds(std::uint32_t cluster) const {
    const std::uint32_t first = clusters_.first_block_[cluster];
    __builtin_prefetch(clusters_.nearest_.data() + first);
    __builtin_prefetch(clusters_.farthest_.data() + first);
    __builtin_prefetch(clusters_.open_.data() + first);  // an empty one may be the last: behind the end
  }

  void ask_for_codes(std::uint32_t cluster) const {
    if (!may_be_near(cluster)) return;
    const BlockRange range = blocks_to_read(cluster);
    const std::size_t block_bytes = range.codes.bytes_per_code() * kBlockCodes;
    const std::uint8_t* const end = range.codes.planes + std::min(range.last, range.first + kAskedBlocks) * block_bytes;
    for (const std::uint8_t* line = range.codes.planes + range.first * block_bytes; line < end; line += kBlockCodes)
      __builtin_prefetch(line);
    for (std::size_t block = range.first; block < range.last; block += 8) __builtin_prefetch(&clusters_.open_[block]);
  }

  // The blocks of a cluster that may hold a code nearer than the limit: those within |d - r| < limit.
  BlockRange blocks_to_read(std::uint32_t cluster) const {
    std::uint32_t first = clusters_.first_block_[cluster];
    std::uint32_t last = clusters_.first_block_[cluster + std::size_t{1}];
    const auto distance = static_cast<std::int64_t>(distances_[cluster]);
    const auto limit = static_cast<std::int64_t>(collector_.limit());
    if (!may_be_near(cluster)) last = first;
    while (first < last && distance - clusters_.farthest_[first] >= limit) ++first;
    while (first < last && clusters_.nearest_[last - std::size_t{1}] - distance >= limit) --last;
    return {clusters_.slots_.view(), first, last, clusters_.open_.data() + first};
  }

  bool look_into(std::uint32_t cluster) {
    const BlockRange range = blocks_to_read(cluster);
    if (range.first == range.last) return false;
    NearestCollector* collector = &collector_;
    kernels_.nearest(range, &query_, &collector, 1);
    blocks_read_ += range.last - range.first;
    return true;
  }

  double share_left(std::span<const std::uint32_t> to_come) const {
    std::size_t left = 0;
    for (const std::uint32_t cluster : to_come) {
      const BlockRange range = blocks_to_read(cluster);
      left += range.last - range.first;
    }
    return static_cast<double>(left) / static_cast<double>(std::max<std::size_t>(1, clusters_.open_.size()));
  }

  bool may_be_found(std::uint32_t position) const {
    if (!scan_.segment.is_live(position)) return false;
    return scan_.filter == nullptr || scan_.filter->allows(scan_.segment.rows[position]);
  }

  static std::uint64_t open_of_near(const void* context, std::uint32_t first_slot, std::uint64_t near) {
    const auto& query = *static_cast<const Query*>(context);
    std::uint64_t open = 0;
    for (; near != 0; near &= near - 1) {
      const auto lane = static_cast<std::uint32_t>(std::countr_zero(near));
      const auto positions = query.clusters_.positions_of(first_slot + lane);
      if (std::ranges::any_of(positions, [&](std::uint32_t position) { return query.may_be_found(position); }))
        open |= std::uint64_t{1} << lane;
    }
    return open;
  }

  const Clusters& clusters_;
  const BlockScan& scan_;
  const BlockKernels& kernels_;
  BlockView centres_;
  bool filtered_ = false;
  const std::uint32_t* query_ = nullptr;
  std::size_t blocks_read_ = 0;
  NearestCollector collector_;
  std::vector<std::uint16_t> distances_;  // to the centres
  std::vector<std::uint32_t> others_;     // clusters that may hold something
  std::vector<std::uint32_t> order_;      // the same, by distance
  std::vector<std::uint32_t> first_of_distance_;
};

bool Clusters::seems_to_pay() const { return in_vain_ < kInVain || asked_++ % kTryOneIn == 0; }

void Clusters::note(bool paid) const {
  if (paid)
    in_vain_ = 0;
  else if (in_vain_ < kInVain)
    ++in_vain_;
}

Clusters::Answer Clusters::search(const BlockScan& scan, const PreparedQueries& queries,
                                  std::span<const std::uint32_t> limits, std::size_t max_clusters) const {
  Answer answer;
  answer.found.resize(queries.count());
  std::vector<std::uint8_t> to_scan(queries.count());
  std::atomic<std::size_t> blocks_read{0};
  parallel_for(queries.count(), 1, [&](std::size_t begin, std::size_t end) {
    Query query(*this, scan);
    for (std::size_t q = begin; q < end && !scan.stop.due(); ++q) {
      const bool tried = max_clusters != 0 || seems_to_pay();
      to_scan[q] = tried && query.run(queries[q], limits[q], max_clusters) ? 0 : 1;
      if (tried) blocks_read += query.blocks_read();
      if (tried && max_clusters == 0) note(to_scan[q] == 0);
      if (to_scan[q] == 0) answer.found[q] = query.found();
    }
  });
  std::vector<std::size_t> left;
  for (std::size_t q = 0; q < queries.count(); ++q)
    if (to_scan[q] != 0) left.push_back(q);
  const double blocks = static_cast<double>(std::max<std::size_t>(1, open_.size()) * queries.count());
  answer.scanned_share = static_cast<double>(blocks_read) / blocks +
                         static_cast<double>(left.size()) / static_cast<double>(queries.count());
  if (left.empty()) return answer;
  std::vector<std::uint32_t> limits_left;
  limits_left.reserve(left.size());
  for (const std::size_t q : left) limits_left.push_back(limits[q]);
  auto found = scan_segment(scan, queries.only(left), limits_left);
  for (std::size_t i = 0; i < left.size(); ++i) answer.found[left[i]] = std::move(found[i]);
  return answer;
}

double Clusters::measured_recall(const BlockScan& scan, std::size_t max_clusters) const {
  constexpr std::size_t kSample = 100;
  constexpr std::size_t kMostNeighbours = 1000;  // more would take long and say little else
  BlockScan plain = scan;
  plain.filter = nullptr;
  plain.k = std::min(scan.k, kMostNeighbours);
  const auto key = std::pair(plain.k, max_clusters);
  {
    const std::scoped_lock lock(recall_mutex_);
    if (const auto known = recall_.find(key); known != recall_.end()) return known->second;
  }
  Rng rng(1);
  const BlockView& codes = scan.segment.codes;
  CodeMatrix sample(std::min(kSample, codes.count), codes.bits);
  for (std::size_t i = 0; i < sample.count(); ++i) {
    const std::size_t drawn = rng.below(codes.count);
    std::ranges::copy(unblock(codes, drawn, drawn + 1).row(0), sample.row(i).begin());
    for (std::size_t flips = 0; flips < codes.bits / 32; ++flips) {
      const std::size_t bit = rng.below(codes.bits);
      sample.row(i)[bit / 64] ^= std::uint64_t{1} << (bit % 64);
    }
  }
  const PreparedQueries queries(sample);
  const std::vector<std::uint32_t> limits(queries.count(), codes.bits + 1);
  const auto exact = scan_segment(plain, queries, limits);
  const auto capped = search(plain, queries, limits, max_clusters).found;
  double recall = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (exact[i].empty()) continue;
    const auto as_near = std::ranges::count_if(
        capped[i], [&](const Candidate& candidate) { return candidate.distance <= exact[i].back().distance; });
    recall += static_cast<double>(as_near) / static_cast<double>(exact[i].size()) / static_cast<double>(exact.size());
  }
  if (scan.stop.due()) return recall;  // of a part; the search ends with an error
  const std::scoped_lock lock(recall_mutex_);
  constexpr std::size_t kMostRemembered = 1000;
  if (recall_.size() < kMostRemembered) recall_[key] = recall;
  return recall;
}

}  // namespace warifu
