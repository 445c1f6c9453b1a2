#include "server/metrics.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <optional>
#include <vector>

namespace warifu {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::array<std::string_view, 8> kStages = {"decode", "encode", "scan",   "words",
                                                     "rerank", "fuse",   "filter", "thumb"};

// .1 ms … 5 s, three to a factor of ten or more.
const Histogram::BucketBoundaries& buckets() {
  static const Histogram::BucketBoundaries kBuckets = {
      0.0001, 0.0002, 0.0003, 0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02,
      0.03,   0.05,   0.07,   0.1,    0.15,   0.2,   0.3,    0.5,   0.7,   1.0,   1.5,   2.0,  3.0,   5.0};
  return kBuckets;
}

template <typename Metric>
Family<Metric>& family(prometheus::Registry& registry, const char* name, const char* help) {
  if constexpr (std::is_same_v<Metric, Counter>)
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  else if constexpr (std::is_same_v<Metric, Gauge>)
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  else
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

std::string_view known_method(std::string_view method) {
  constexpr std::array<std::string_view, 7> kMethods = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
  return std::ranges::find(kMethods, method) != kMethods.end() ? method : "other";
}

std::string time_text(double seconds) {
  const double ms = seconds * 1000;
  if (ms < 10) return fmt::format("{:.1f} ms", ms);
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  return fmt::format("{:.1f} s", seconds);
}

std::string with_commas(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

// A histogram at one moment, of one or several series added up.
struct Times {
  std::uint64_t count = 0;
  double sum = 0;
  std::vector<double> within;  // within[i]: how many up to buckets()[i]

  void add(const prometheus::ClientMetric::Histogram& histogram) {
    count += histogram.sample_count;
    sum += histogram.sample_sum;
    within.resize(std::max(within.size(), histogram.bucket.size()));
    for (std::size_t i = 0; i < histogram.bucket.size(); ++i)
      within[i] += static_cast<double>(histogram.bucket[i].cumulative_count);
  }
  // By straight lines inside the buckets. Nothing: more than the last one.
  std::optional<double> quantile(double share) const {
    const double rank = share * static_cast<double>(count);
    double below = 0;
    for (std::size_t i = 0; i < buckets().size() && i < within.size(); ++i) {
      if (within[i] >= rank && within[i] > below) {
        const double low = i == 0 ? 0 : buckets()[i - 1];
        return low + (buckets()[i] - low) * (rank - below) / (within[i] - below);
      }
      below = within[i];
    }
    return std::nullopt;
  }
  std::string words() const {
    const auto quantile_text = [&](double share, std::string_view lead) {
      const auto value = quantile(share);
      return value ? std::string(lead) + time_text(*value) : "over " + time_text(buckets().back());
    };
    return fmt::format("average {}, median {}, 99 of 100 {}", time_text(sum / static_cast<double>(count)),
                       quantile_text(.5, "about "), quantile_text(.99, "within "));
  }
};

const prometheus::MetricFamily* find(const std::vector<prometheus::MetricFamily>& families, std::string_view name) {
  for (const auto& each : families)
    if (each.name == name) return &each;
  return nullptr;
}

std::string_view label(const prometheus::ClientMetric& metric, std::string_view name) {
  for (const auto& each : metric.label)
    if (each.name == name) return each.value;
  return {};
}

}  // namespace

struct ServiceMetrics::State {
  prometheus::Registry registry;
  Family<Counter>& requests =
      family<Counter>(registry, "http_requests_total", "Answered requests by route, method and status.");
  Family<Histogram>& request_seconds =
      family<Histogram>(registry, "http_request_seconds", "From the head of a request to the end of its answer.");
  Family<Counter>& searches =
      family<Counter>(registry, "search_requests_total", "Searches by what was searched with and how they ended.");
  Histogram& search_seconds =
      family<Histogram>(registry, "search_seconds", "Whole searches, of every kind.").Add({}, buckets());
  Family<Histogram>& stage_seconds =
      family<Histogram>(registry, "search_stage_seconds", "Where the time of searches goes.");
  Family<Counter>& ingested = family<Counter>(registry, "ingest_items_total", "Items offered, by what became of them.");
  Family<Gauge>& items = family<Gauge>(registry, "index_items", "Items by state.");
  Gauge& index_bytes = family<Gauge>(registry, "index_bytes", "Bytes of the codes that are searched.").Add({});
  Gauge& encoder_queue =
      family<Gauge>(registry, "encoder_queue_length", "Queries and items that wait for the encoder.").Add({});
  Family<Gauge>& code_space = family<Gauge>(registry, "code_space_info", "The space that is searched; always 1.");
  Gauge& connections = family<Gauge>(registry, "http_connections", "Open connections.").Add({});
  Gauge& waiting = family<Gauge>(registry, "http_requests_waiting", "Requests that no worker is free for.").Add({});
  Gauge& running = family<Gauge>(registry, "http_requests_running", "Requests that a worker answers.").Add({});
  std::array<Histogram*, kStages.size()> stages{};
  std::mutex space_mutex;
  Gauge* space = nullptr;

  State() {
    for (std::size_t i = 0; i < kStages.size(); ++i)
      stages[i] = &stage_seconds.Add({{"stage", std::string(kStages[i])}}, buckets());
  }
};

ServiceMetrics::ServiceMetrics() : state_(std::make_unique<State>()) {}
ServiceMetrics::~ServiceMetrics() = default;

void ServiceMetrics::count_request(std::string_view route, std::string_view method, int status, double seconds) {
  const std::string name(route.empty() ? "none" : route);
  state_->requests
      .Add({{"route", name}, {"method", std::string(known_method(method))}, {"status", std::to_string(status)}})
      .Increment();
  state_->request_seconds.Add({{"route", name}}, buckets()).Observe(seconds);
}

void ServiceMetrics::count_search(std::string_view kind, std::string_view status, double seconds) {
  state_->searches.Add({{"kind", std::string(kind)}, {"status", std::string(status)}}).Increment();
  state_->search_seconds.Observe(seconds);
}

void ServiceMetrics::time_stage(SearchStage stage, double seconds) {
  state_->stages.at(static_cast<std::size_t>(stage))->Observe(seconds);
}

void ServiceMetrics::count_ingested(std::string_view outcome, std::size_t items) {
  state_->ingested.Add({{"outcome", std::string(outcome)}}).Increment(static_cast<double>(items));
}

void ServiceMetrics::set_items(std::string_view state, std::size_t count) {
  state_->items.Add({{"state", std::string(state)}}).Set(static_cast<double>(count));
}

void ServiceMetrics::set_index_bytes(std::size_t bytes) { state_->index_bytes.Set(static_cast<double>(bytes)); }

void ServiceMetrics::set_encoder_queue(std::size_t length) { state_->encoder_queue.Set(static_cast<double>(length)); }

void ServiceMetrics::set_code_space(std::string_view encoder, std::size_t bits, std::uint64_t generation) {
  const std::lock_guard lock(state_->space_mutex);
  Gauge& now = state_->code_space.Add(
      {{"encoder", std::string(encoder)}, {"bits", std::to_string(bits)}, {"generation", std::to_string(generation)}});
  if (state_->space != nullptr && state_->space != &now) state_->code_space.Remove(state_->space);
  state_->space = &now;
  now.Set(1);
}

void ServiceMetrics::set_load(std::size_t connections, std::size_t waiting, std::size_t running) {
  state_->connections.Set(static_cast<double>(connections));
  state_->waiting.Set(static_cast<double>(waiting));
  state_->running.Set(static_cast<double>(running));
}

std::string ServiceMetrics::prometheus_text() const {
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

std::string ServiceMetrics::latency_text() const {
  const auto families = state_->registry.Collect();
  std::string text;
  Times searches;
  if (const auto* all = find(families, "search_seconds"))
    for (const auto& metric : all->metric) searches.add(metric.histogram);
  if (searches.count == 0) {
    text = "no searches yet\n";
  } else {
    text = fmt::format("of {} search{}: {}", with_commas(searches.count), searches.count == 1 ? "" : "es",
                       searches.words());
    std::string_view separator = "; ";
    for (std::size_t i = 0; i + 1 < kStages.size(); ++i) {  // thumbnails are not made inside a search
      const double share = state_->stages[i]->Collect().histogram.sample_sum / std::max(searches.sum, 1e-12);
      if (share < .005) continue;
      text += fmt::format("{}{} {:.0f} %", separator, kStages[i], 100 * share);
      separator = ", ";
    }
    text += "\n";
  }
  const auto* all = find(families, "http_request_seconds");
  if (all == nullptr) return text;
  std::vector<std::string> lines;
  for (const auto& metric : all->metric) {
    Times times;
    times.add(metric.histogram);
    if (times.count == 0) continue;
    lines.push_back(fmt::format("of {} request{} to {}: {}\n", with_commas(times.count), times.count == 1 ? "" : "s",
                                label(metric, "route"), times.words()));
  }
  std::ranges::sort(lines);
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace warifu
