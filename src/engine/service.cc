#include "engine/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "engine/code_files.h"
#include "engine/find_items.h"
#include "engine/running_service.h"
#include "engine/status.h"
#include "methods/method.h"
#include "text/normalize.h"

namespace warifu {
namespace {

// Asked once before anybody else asks: the first pass through a model is slow.
Result<void> warm(QueryEncoder& encoder) {
  QueryContent content;
  if (encoder.encoder().encodes_raw(Modality::kText)) {
    content.text = "warm";
    if (auto encoded = encoder.encode(content); !encoded) return std::unexpected(encoded.error());
  }
  if (encoder.encoder().encodes_raw(Modality::kImage)) {
    content.text.reset();
    const auto size = encoder.encoder().picture_format().size;
    const auto side = static_cast<std::size_t>(size);
    content.picture = Image{size, size, std::vector<std::uint8_t>(side * side * 3, 128)};
    if (auto encoded = encoder.encode(content); !encoded) return std::unexpected(encoded.error());
  }
  return {};
}

}  // namespace

Result<void> require(const Principal& principal, Scope scope) {
  if (principal.scopes.has(scope)) return {};
  const auto needed = Scopes{scope}.names().front();
  return fail(ErrorCode::kPermissionDenied, fmt::format("this needs the scope '{}'", needed),
              "ask an administrator for a key that has it");
}

Result<std::unique_ptr<Service>> Service::open(const std::filesystem::path& workspace, const ServiceOptions& options,
                                               ProgressSink& progress) {
  auto service = RunningService::open(workspace, options, progress);
  if (!service) return std::unexpected(service.error());
  return std::unique_ptr<Service>(std::move(*service));
}

Result<std::unique_ptr<RunningService>> RunningService::open(const std::filesystem::path& root,
                                                             const ServiceOptions& options, ProgressSink& progress) {
  auto opened = Workspace::open(root);
  if (!opened) return std::unexpected(opened.error());
  auto workspace = std::make_unique<Workspace>(std::move(*opened));
  const auto name = workspace->choose_space(options.space);
  if (!name) return std::unexpected(name.error());
  auto service = std::unique_ptr<RunningService>(new RunningService(workspace->root(), options));
  service->limits_ = workspace->image_limits();
  service->limits_.max_bytes = std::max(service->limits_.max_bytes, options.max_picture_bytes);

  auto anonymiser = Anonymiser::remembered(*workspace);
  if (!anonymiser) return std::unexpected(anonymiser.error());
  service->anonymiser_ = std::move(*anonymiser);

  PictureDecoder::Options decoding;
  decoding.processes = options.decoders;
  decoding.time_limit = std::chrono::seconds(5);  // two drawings made to be slow must not hold up everybody for long
  decoding.require_sandbox = options.require_sandbox;
  auto decoder = PictureDecoder::start(decoding);
  if (!decoder) return std::unexpected(decoder.error());
  service->decoder_ = std::move(*decoder);
  workspace->read_pictures_by([decoder = service->decoder_](std::span<const std::byte> bytes, const ImageLimits& limits,
                                                            const std::optional<PictureFormat>& format) {
    return decoder->decode(bytes, limits, format);
  });
  service->thumbnails_ = std::make_unique<ThumbnailCache>(service->root_ / "thumbnails", service->decoder_);

  auto live = LiveSpace::open(*workspace, *name, options.bits, options.rerank, progress);
  if (!live) return std::unexpected(live.error());
  service->info_ = (*live)->info();
  service->space_ = (*live)->space();
  auto encoder = load_encoder(workspace->space_folder(*name));
  if (!encoder) return std::unexpected(encoder.error());
  service->encoder_ = std::make_unique<QueryEncoder>(std::move(*encoder), service->space_);
  if (auto warmed = warm(*service->encoder_); !warmed) return std::unexpected(warmed.error());

  const auto confidence = ConfidenceModel::load(workspace->space_folder(*name) / kConfidenceFile);
  if (confidence && confidence->fingerprint == service->space_.fingerprint) {
    service->confidence_ = std::make_shared<const ConfidenceModel>(*confidence);
  } else if (!confidence && confidence.error().code != ErrorCode::kNotFound) {
    return std::unexpected(confidence.error());
  }
  service->writer_ = std::make_unique<ItemWriter>(std::move(workspace), std::move(*live));
  auto jobs = JobRunner::open(service->root_ / "jobs", service->job_kinds());
  if (!jobs) return std::unexpected(jobs.error());
  service->jobs_ = std::move(*jobs);
  return service;
}

RunningService::~RunningService() = default;

Result<void> RunningService::ready() {
  if (const auto error = writer_->background_error()) return std::unexpected(*error);
  return {};
}

// ---- reading ----

std::optional<Item> RunningService::visible(const Workspace& reader, const Principal& principal, std::string_view id,
                                            std::optional<Error>& error) const {
  auto item = reader.catalog().find(id);
  if (!item) {
    error = item.error();
    return std::nullopt;
  }
  if (*item && may_see(principal, (*item)->groups)) return std::move(**item);
  // The same words whether it is not there or not for this principal.
  error = Error{ErrorCode::kNotFound, "no item has the id '" + std::string(id) + "'", ""};
  return std::nullopt;
}

Result<Item> RunningService::item(const Principal& principal, std::string_view id) {
  if (auto allowed = require(principal, Scope::kRead); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  std::optional<Error> error;
  auto item = visible(**reader, principal, id, error);
  if (!item) return std::unexpected(*error);
  return std::move(*item);
}

Result<std::vector<Item>> RunningService::items(const Principal& principal, std::string_view after, std::size_t limit,
                                                const std::optional<Filter>& filter) {
  if (auto allowed = require(principal, Scope::kRead); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const auto universe = writer_->view()->items->universe(principal);
  std::span<const ItemRow> rows = universe->rows;
  std::vector<ItemRow> filtered;
  if (filter) {
    auto matching = matching_rows((*reader)->catalog(), *filter, universe->rows);
    if (!matching) return std::unexpected(matching.error());
    filtered = std::move(*matching);
    rows = filtered;
  }
  if (!after.empty()) {
    std::optional<Error> error;
    const auto item = visible(**reader, principal, after, error);
    if (!item) return std::unexpected(*error);
    rows = rows.subspan(static_cast<std::size_t>(std::ranges::upper_bound(rows, item->row) - rows.begin()));
  }
  auto items = (*reader)->catalog().items_there(rows.first(std::min(limit, rows.size())));
  if (items) std::erase_if(*items, [&](const Item& item) { return !may_see(principal, item.groups); });
  return items;
}

Result<std::size_t> RunningService::count(const Principal& principal, const std::optional<Filter>& filter) {
  if (auto allowed = require(principal, Scope::kRead); !allowed) return std::unexpected(allowed.error());
  const auto universe = writer_->view()->items->universe(principal);
  if (!filter) return universe->rows.size();
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const auto rows = matching_rows((*reader)->catalog(), *filter, universe->rows);
  if (!rows) return std::unexpected(rows.error());
  return rows->size();
}

std::string RunningService::picture_uri(const Item& item) const {
  if (item.image_uri.empty()) return {};
  return Workspace::picture_path(root_, item).string();
}

Result<Thumbnail> RunningService::thumbnail(const Principal& principal, std::string_view id, int width) {
  if (auto allowed = require(principal, Scope::kRead); !allowed) return std::unexpected(allowed.error());
  if (width < 16 || width > 2048)
    return fail(ErrorCode::kInvalidArgument, "width " + std::to_string(width) + " is not in 16 … 2048");
  std::optional<Error> error;
  std::optional<Item> item;
  {
    const auto reader = readers_.take();
    if (!reader) return std::unexpected(reader.error());
    item = visible(**reader, principal, id, error);
  }
  if (!item) return std::unexpected(*error);
  const StageClock clock(observer_, Stage::kThumbnail);
  auto bytes = thumbnails_->get(*item, picture_uri(*item), width, limits_);
  if (!bytes) return std::unexpected(bytes.error());
  return Thumbnail{std::move(*bytes), "image/webp", ThumbnailCache::tag(*item, width)};
}

Result<std::vector<Suggestion>> RunningService::suggest(const Principal& principal, std::string_view prefix,
                                                        std::size_t limit) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const auto universe = writer_->view()->items->universe(principal);
  return (*reader)->catalog().suggest(prefix, limit, [&](ItemRow row) { return universe->filter.allows(row); });
}

Result<std::vector<std::string>> RunningService::label_columns(const Principal& principal) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const auto universe = writer_->view()->items->universe(principal);
  auto columns = (*reader)->catalog().label_columns();
  if (!columns) return columns;
  std::vector<std::string> shown;
  for (std::string& column : *columns) {
    const auto values =
        (*reader)->catalog().count_values(column, [&](ItemRow row) { return universe->filter.allows(row); });
    if (!values) return std::unexpected(values.error());
    if (!values->empty()) shown.push_back(std::move(column));
  }
  return shown;
}

Result<std::vector<ValueCount>> RunningService::count_values(const Principal& principal, std::string_view column) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const auto universe = writer_->view()->items->universe(principal);
  return (*reader)->catalog().count_values(column, [&](ItemRow row) { return universe->filter.allows(row); });
}

Result<std::vector<ServiceSpace>> RunningService::spaces(const Principal& principal) {
  if (auto allowed = require(principal, Scope::kRead); !allowed) return std::unexpected(allowed.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const auto status = status_of(**reader);
  if (!status) return std::unexpected(status.error());
  std::vector<ServiceSpace> spaces;
  for (const SpaceStatus& one : status->spaces) {
    ServiceSpace space;
    space.name = one.name;
    space.method = one.method;
    space.bits = one.bits;
    space.generation = one.generation;
    space.image_encoder = one.image_encoder;
    space.text_encoder = one.text_encoder;
    space.problem = one.problem;
    space.served = one.name == space_.name;
    const std::lock_guard lock(confidence_mutex_);
    space.calibrated = space.served && confidence_;
    spaces.push_back(std::move(space));
  }
  return spaces;
}

Result<ServiceCounts> RunningService::counts(const Principal& principal) {
  if (auto allowed = require(principal, Scope::kRead); !allowed) return std::unexpected(allowed.error());
  ServiceCounts counts;
  counts.items = writer_->view()->items->universe(principal)->rows.size();
  if (!principal.sees_everything) return counts;
  counts.pending = writer_->pending();
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  counts.codes = writer_->view()->searcher->sizes();
  counts.code_bytes = code_bytes(**reader, space_.name);
  return counts;
}

// ---- jobs ----

Result<Job> RunningService::start_job(const Principal& principal, std::string_view kind, std::string_view arguments) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return std::unexpected(allowed.error());
  return jobs_->start(kind, arguments, principal.name);
}

Result<Job> RunningService::job(const Principal& principal, std::string_view id) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return std::unexpected(allowed.error());
  return jobs_->job(id);
}

Result<std::vector<Job>> RunningService::jobs(const Principal& principal) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return std::unexpected(allowed.error());
  return jobs_->jobs();
}

Result<void> RunningService::cancel_job(const Principal& principal, std::string_view id) {
  if (auto allowed = require(principal, Scope::kAdmin); !allowed) return allowed;
  return jobs_->cancel(id);
}

}  // namespace warifu
