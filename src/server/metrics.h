#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace warifu {

// The steps of a search, as search_stage_seconds{stage=…} names them.
enum class SearchStage { kDecode, kEncode, kScan, kWords, kRerank, kFuse, kFilter, kThumbnail };

// What the service counts, in Prometheus' form and in words. Times are seconds. Thread safety: any; a call costs
// about a microsecond.
//
// Values of labels come from fixed sets, so that a stranger cannot fill memory with them: `route` is a route's pattern
// ("" becomes "none"), `method` one of HTTP's ("other" for those it does not know), `kind`, `state` and `outcome` are
// the caller's own words.
class ServiceMetrics {
 public:
  ServiceMetrics();
  ~ServiceMetrics();
  ServiceMetrics(const ServiceMetrics&) = delete;
  ServiceMetrics& operator=(const ServiceMetrics&) = delete;

  void count_request(std::string_view route, std::string_view method, int status, double seconds);
  // kind: "text", "image", "text+image", "like"; status: "ok", or the code of the problem.
  void count_search(std::string_view kind, std::string_view status, double seconds);
  void time_stage(SearchStage stage, double seconds);
  void count_ingested(std::string_view outcome, std::size_t items);

  void set_items(std::string_view state, std::size_t count);  // "live", "deleted", "pending"
  void set_index_bytes(std::size_t bytes);
  void set_encoder_queue(std::size_t length);
  void set_code_space(std::string_view encoder, std::size_t bits,
                      std::uint64_t generation);  // instead of the one before
  void set_load(std::size_t connections, std::size_t waiting, std::size_t running);

  std::string prometheus_text() const;  // "text/plain; version=0.0.4"

  // "of 1,234 searches: average 3.1 ms, median about 2.8 ms, 99 of 100 within 9 ms; encode 41 %, scan 12 %, …", a line
  // for searches and one for each route. The times come from the buckets of the histograms: they are exact to about a
  // third.
  std::string latency_text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warifu
