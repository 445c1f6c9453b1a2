#include "index/index.h"

#include <algorithm>
#include <string>

namespace warifu {
namespace {

std::string space_text(const CodeSpace& space) {
  return "'" + space.name + "' (" + space.method + ", " + std::to_string(space.bits) + " bits, generation " +
         std::to_string(space.generation) + ", fingerprint " + space.fingerprint + ")";
}

Result<void> check_space(const CodeSpace& queries, const CodeSpace& codes) {
  if (queries == codes) return {};
  return fail(ErrorCode::kIncompatible,
              "a query of space " + space_text(queries) + " meets codes of space " + space_text(codes),
              "encode the query with the same --space and --bits; after training again, run 'warifu index'");
}

Result<void> check_words(std::size_t words, const CodeSpace& space) {
  const std::size_t expected = (std::size_t{space.bits} + 63) / 64;
  if (words == expected) return {};
  return fail(ErrorCode::kInvalidArgument, "a query of " + std::to_string(words) + " words; codes of " +
                                               std::to_string(space.bits) + " bits have " + std::to_string(expected));
}

}  // namespace

Result<NearestHits> Index::search(const CodeSpace& query_space, const CodeMatrix& queries,
                                  const NearestOptions& options) const {
  if (auto same = check_space(query_space, space()); !same) return std::unexpected(same.error());
  if (options.k == 0) return fail(ErrorCode::kInvalidArgument, "k is 0", "ask for at least one hit");
  if (queries.count() == 0) return NearestHits{};
  if (queries.bits() != space().bits)
    return fail(ErrorCode::kInvalidArgument, "queries of " + std::to_string(queries.bits()) + " bits; the space has " +
                                                 std::to_string(space().bits));
  if (space().bits % 64 != 0)
    for (std::size_t q = 0; q < queries.count(); ++q)
      if ((queries.row(q).back() >> (space().bits % 64)) != 0)
        return fail(ErrorCode::kInvalidArgument, "query " + std::to_string(q) + " has bits set beyond its " +
                                                     std::to_string(space().bits) + " bits");
  if (auto going_on = options.stop.check(); !going_on) return std::unexpected(going_on.error());
  return nearest(queries, options);
}

Result<std::vector<Hit>> Index::search(const CodeSpace& query_space, std::span<const std::uint64_t> query,
                                       std::size_t k, const RowFilter& filter) const {
  if (auto same = check_space(query_space, space()); !same) return std::unexpected(same.error());
  if (auto fits = check_words(query.size(), space()); !fits) return std::unexpected(fits.error());
  NearestOptions options;
  options.k = k;
  options.filter = &filter;
  auto found = search(query_space, CodeMatrix(1, space().bits, std::vector(query.begin(), query.end())), options);
  if (!found) return std::unexpected(found.error());
  return std::move(found->hits.front());
}

}  // namespace warifu
