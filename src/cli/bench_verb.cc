#include <fmt/format.h>

#include "cli/verb.h"
#include "engine/bench_hamming.h"

namespace warifu {
namespace {

class BenchVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.argument("what", what_, "what to measure: hamming")->required();
    flags.value("--items", options_.items, "codes to search in")->capture_default_str();
    flags.value("--bits", options_.bits, "code length")->capture_default_str();
    flags.value("-k,--k", options_.k, "nearest codes to find for a query")->capture_default_str();
    flags.value("--data", data_, "uniform (fair bits) or clustered (like learned codes)")->capture_default_str();
    flags.value("--codes", options_.codes,
                "learned codes (NPY, as 'warifu export' writes) to repeat instead of --data");
    flags.value("--flip", options_.flip, "probability that a bit of a repeated code is flipped")->capture_default_str();
    flags.toggle("--clusters", options_.clusters, "measure the pruned clusters beside the scan");
    flags.value("--seed", options_.seed, "of the codes that are drawn")->capture_default_str();
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    if (what_ != "hamming")
      return fail(ErrorCode::kInvalidArgument, "nothing to measure is called '" + what_ + "'", "use hamming");
    const auto data = parse_synthetic_data(data_);
    if (!data) return std::unexpected(data.error());
    options_.data = *data;
    const auto bench = bench_hamming(options_, *invocation.progress);
    if (!bench) return std::unexpected(bench.error());
    if (*form == OutputForm::kTable) {
      print_table(*bench);
    } else {
      print_json(to_json(*bench), *form);
    }
    return 0;
  }

 private:
  Json to_json(const HammingBench& bench) const {
    const BatchFigures& batch = bench.figures.batch;
    const SingleFigures& single = bench.figures.single;
    Json filtered = Json::object();
    for (const FilteredFigures& filter : bench.figures.filtered)
      filtered[std::to_string(filter.percent)] = filter.time_ratio;
    Json object{{"items", options_.items},
                {"bits", options_.bits},
                {"k", options_.k},
                {"threads", bench.threads},
                {"data", data_},
                {"seed", options_.seed},
                {"kernels", bench.kernels},
                {"memory_bytes", bench.memory_bytes},
                {"draw_seconds", bench.draw_seconds},
                {"build_seconds", bench.build_seconds},
                {"batch",
                 {{"queries", batch.queries},
                  {"seconds", batch.seconds},
                  {"codes_per_second", batch.codes_per_second},
                  {"popcount_limit_codes_per_second", batch.popcount_limit_codes_per_second},
                  {"share_of_limit", batch.share_of_limit},
                  {"share_of_limit_by_work", batch.share_of_limit_by_work},
                  {"time_of_k1000", batch.time_of_k1000}}},
                {"single",
                 {{"queries", single.queries},
                  {"latency_ms_mean", single.mean_ms},
                  {"latency_ms_p50", single.p50_ms},
                  {"latency_ms_p99", single.p99_ms},
                  {"read_limit_ms", single.read_limit_ms},
                  {"share_of_limit", single.share_of_limit},
                  {"scanned_share", single.scanned_share}}},
                {"filtered", filtered},
                {"checked_queries", bench.figures.checked_queries},
                {"mismatches", bench.figures.mismatches}};
    if (!options_.codes.empty()) object["data"] = options_.codes.string();
    if (!bench.clusters) return object;
    const ClusterFigures& clusters = *bench.clusters;
    object["clusters"] = {{"build_seconds", clusters.build_seconds},
                          {"queries", clusters.queries},
                          {"latency_ms_mean", clusters.pruned.mean_ms},
                          {"latency_ms_p50", clusters.pruned.p50_ms},
                          {"latency_ms_p99", clusters.pruned.p99_ms},
                          {"scanned_share", clusters.scanned_share},
                          {"scan_latency_ms_mean", clusters.scan.mean_ms},
                          {"scan_latency_ms_p50", clusters.scan.p50_ms},
                          {"scan_latency_ms_p99", clusters.scan.p99_ms},
                          {"times_faster_mean", clusters.scan.mean_ms / clusters.pruned.mean_ms},
                          {"times_faster_p50", clusters.scan.p50_ms / clusters.pruned.p50_ms},
                          {"times_faster_p99", clusters.scan.p99_ms / clusters.pruned.p99_ms},
                          {"mismatches", clusters.mismatches}};
    return object;
  }

  void print_table(const HammingBench& bench) const {
    const BatchFigures& batch = bench.figures.batch;
    const SingleFigures& single = bench.figures.single;
    print_line(fmt::format("{} {} codes of {} bits in {}, {} nearest, {} threads, {}", count_text(options_.items),
                           data_, options_.bits, bytes_text(static_cast<double>(bench.memory_bytes)), options_.k,
                           bench.threads, bench.kernels));
    Table table({"search", "measured", "limit of this machine", "share"});
    table.add({fmt::format("{} queries at once", count_text(batch.queries)),
               fixed(batch.codes_per_second / 1e9, 2) + " G codes/s",
               fixed(batch.popcount_limit_codes_per_second / 1e9, 2) + " G codes/s counted",
               fixed(100 * batch.share_of_limit, 0) + " %"});
    table.add({"one query, median", fixed(single.p50_ms, 3) + " ms", fixed(single.read_limit_ms, 3) + " ms to read",
               fixed(100 * single.share_of_limit, 0) + " %"});
    table.add({"one query, 99 of 100", fixed(single.p99_ms, 3) + " ms", "", ""});
    table.print();
    print_line(fmt::format("1,000 nearest take {} times as long", fixed(batch.time_of_k1000, 2)));
    for (const FilteredFigures& filter : bench.figures.filtered)
      print_line(fmt::format("a filter that {} % of the rows pass: {} times as long", filter.percent,
                             fixed(filter.time_ratio, 2)));
    if (bench.clusters)
      print_line(
          fmt::format("pruned clusters: mean {} ms, 99 of 100 within {} ms, {} % of the codes looked at; the scan "
                      "beside it mean {} ms, {} ms; {} ranks differ",
                      fixed(bench.clusters->pruned.mean_ms, 3), fixed(bench.clusters->pruned.p99_ms, 3),
                      fixed(100 * bench.clusters->scanned_share, 1), fixed(bench.clusters->scan.mean_ms, 3),
                      fixed(bench.clusters->scan.p99_ms, 3), bench.clusters->mismatches));
    print_line(fmt::format("{} queries compared with a plain loop and sort: {} ranks differ",
                           bench.figures.checked_queries, bench.figures.mismatches));
  }

  std::string what_;
  std::string data_ = "uniform";
  HammingBenchOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_bench_verb() { return std::make_unique<BenchVerb>(); }

}  // namespace warifu
