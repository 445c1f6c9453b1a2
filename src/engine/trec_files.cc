#include "engine/trec_files.h"

#include <algorithm>
#include <numeric>

#include "codes/block_kernels.h"
#include "codes/code_blocks.h"
#include "io/trec.h"

namespace warifu {
namespace {

Result<void> write_run(const std::filesystem::path& path, const TrecTarget& target,
                       const std::vector<const Item*>& query_items, const CodeMatrix& queries,
                       const std::vector<const Item*>& database_items, const CodeMatrix& database) {
  std::string tag = "warifu-" + target.space.name + "-" + std::to_string(target.space.bits);
  if (!target.caveat.empty()) tag += "-" + target.caveat;
  std::ranges::replace(tag, ' ', '-');  // one word
  auto writer = TrecRunWriter::open(path, tag);
  if (!writer) return std::unexpected(writer.error());
  const std::size_t depth = std::min(target.depth == 0 ? database.count() : target.depth, database.count());
  const CodeBlocks blocks(database);
  const BlockRange all{blocks.view(), 0, blocks.view().blocks(), nullptr};
  std::vector<std::uint16_t> distances(all.last * kBlockCodes);
  std::vector<std::size_t> order(database.count());
  // place[i]: of item i when all are sorted by id, the order of ties.
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) -> const std::string& { return database_items[i]->id; });
  std::vector<std::size_t> place(database.count());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  for (std::size_t q = 0; q < queries.count(); ++q) {
    const auto query = query_planes(queries.row(q), all.codes.bits);
    chosen_block_kernels().distances(all, query.data(), distances.data());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(depth), {},
                              [&](std::size_t i) { return std::pair(distances[i], place[i]); });
    for (std::size_t rank = 0; rank < depth; ++rank) {
      // Falls with the distance first and the rank second.
      const double score = static_cast<double>(target.space.bits) - distances[order[rank]] -
                           static_cast<double>(rank) / static_cast<double>(depth);
      if (auto added = writer->add(query_items[q]->id, database_items[order[rank]]->id, rank + 1, score); !added)
        return added;
    }
  }
  return writer->close();
}

Result<void> write_qrels(const std::filesystem::path& path, const std::vector<const Item*>& query_items,
                         const std::vector<const Item*>& database_items, const RelevanceMatrix& truth) {
  auto writer = TrecQrelsWriter::open(path);
  if (!writer) return std::unexpected(writer.error());
  for (std::size_t q = 0; q < query_items.size(); ++q)
    for (std::size_t d = 0; d < database_items.size(); ++d)
      if (truth.row(q)[d] > 0)
        if (auto added = writer->add(query_items[q]->id, database_items[d]->id, truth.row(q)[d]); !added) return added;
  return writer->close();
}

}  // namespace

Result<std::vector<std::filesystem::path>> write_trec_files(const TrecTarget& target,
                                                            const std::vector<const Item*>& query_items,
                                                            const CodeMatrix& queries,
                                                            const std::vector<const Item*>& database_items,
                                                            const CodeMatrix& database, const RelevanceMatrix& truth) {
  std::error_code failure;
  std::filesystem::create_directories(target.folder, failure);
  if (failure) return fail(ErrorCode::kIo, target.folder.string() + ": " + failure.message());
  const std::string stem = target.space.name + "-" + target.direction;
  const auto run = target.folder / (stem + "-" + std::to_string(target.space.bits) + ".run");
  const auto qrels = target.folder / (stem + ".qrels");
  if (auto written = write_run(run, target, query_items, queries, database_items, database); !written)
    return std::unexpected(written.error());
  if (auto written = write_qrels(qrels, query_items, database_items, truth); !written)
    return std::unexpected(written.error());
  return std::vector{run, qrels};
}

}  // namespace warifu
