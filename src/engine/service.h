#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/explain.h"
#include "engine/filter.h"
#include "engine/found_item.h"
#include "engine/job_runner.h"
#include "engine/stages.h"
#include "io/record.h"
#include "search/confidence.h"
#include "search/searcher.h"
#include "security/principal.h"
#include "store/catalog.h"
#include "store/feedback_store.h"

namespace warifu {

struct ServiceOptions {
  std::string space;       // as Workspace::choose_space
  std::uint32_t bits = 0;  // 0: the longest
  std::size_t max_picture_bytes = std::size_t{32} << 20;
  bool rerank = false;  // keep the real-valued embedding too, for queries that want to be ranked by it
  int decoders = 2;     // restricted processes
  bool require_sandbox = true;
};

// How much each channel counts; nothing: what the space's calibration chose, else 1.
struct ChannelWeights {
  std::optional<double> code;
  std::optional<double> words;
  // With words and picture in one query: two code channels with these weights, instead of the one code of both.
  std::optional<double> text;
  std::optional<double> image;
};

struct ServiceQuery {
  std::optional<std::string> text;
  std::optional<std::vector<std::byte>> picture;  // the bytes of a picture file
  std::optional<std::string> like;                // id of an item; excludes text and picture
  Find find = Find::kAny;
  std::optional<Filter> filter;
  ChannelWeights weights;
  std::size_t limit = 10;      // 1 … 1000
  std::size_t offset = 0;      // limit + offset <= 10000
  bool rerank = false;         // the nearest by code once more by the real-valued embedding
  double min_probability = 0;  // hits less likely are left out, where the space is calibrated
};

struct ServiceAnswer {
  std::string space;
  std::uint32_t bits = 0;
  FoundItems found;
  bool reranked = false;
};

// A match to be explained: the query as it was searched, and one of its hits.
struct ExplainQuery {
  std::optional<std::string> text;
  std::optional<std::vector<std::byte>> picture;  // the bytes of a picture file
  std::optional<std::string> like;                // id of an item; excludes text and picture
  std::string id;                                 // of the hit
  std::optional<Modality> half;                   // of the hit that matched; nothing: the nearer one
};

// What a caller gives of an item; what is not there is not changed, except by put with `replace`.
struct NewItem {
  std::string id;
  std::optional<std::string> text;
  std::optional<std::vector<std::byte>> picture;  // bytes of a picture file
  std::string picture_name;                       // its file name, for keywords; may be empty
  std::optional<std::vector<Label>> labels;
  std::optional<std::vector<Label>> attributes;
  std::optional<std::vector<std::string>> groups;
};

struct WriteOutcome {
  std::string id;
  std::optional<Error> error;
  Stored stored = Stored::kUnchanged;
};

struct Thumbnail {
  std::vector<std::byte> bytes;
  std::string content_type;
  std::string tag;  // changes when the picture does: an ETag
};

struct EncodedContent {
  std::string space;
  std::uint32_t bits = 0;
  std::string fingerprint;
  Modality modality = Modality::kText;
  std::vector<std::uint64_t> code;  // packed little-endian
  std::vector<float> embedding;     // empty where the space has none
};

struct ServiceSpace {
  std::string name;
  std::string method;
  std::vector<std::uint32_t> bits;
  std::uint32_t generation = 1;
  std::string image_encoder;
  std::string text_encoder;
  std::string problem;
  bool served = false;
  bool calibrated = false;
};

struct ServiceCounts {
  std::size_t items = 0;                     // that the asking principal may see
  std::size_t pending = 0;                   // of all changes to the catalog, not yet searchable
  std::map<std::string, std::size_t> codes;  // by modality; only for administrators
  std::uint64_t code_bytes = 0;              // only for administrators
};

// Whether an item is the right answer to a query, in the eyes of whoever says so.
struct FeedbackRequest {
  std::optional<std::string> text;  // the query, as ServiceQuery
  std::optional<std::vector<std::byte>> picture;
  std::optional<std::string> like;
  std::string item;                     // id of the hit
  std::optional<bool> right;            // nothing: what was said before is taken back
  std::optional<std::size_t> rank;      // how the answer showed it, from 1
  std::optional<std::size_t> distance;  // Hamming
  std::string confidence;               // confidence_name(), or empty
};

struct ServiceFeedback {
  std::vector<Judgement> judgements;  // newest first
  FeedbackCounts counts;              // of all of them
};

// What a workspace holds, all of it.
struct ServiceCollection {
  CatalogCounts counts;
  std::map<std::string, std::size_t> splits;  // items, by name
  std::vector<ValueColumn> columns;
  std::vector<GroupSize> groups;
  bool anonymised = false;  // what comes in is anonymised
};

// One workspace and one code space kept open for many callers: the model is loaded, codes are searched while they
// change, and what a caller may see is decided here and nowhere else.
//
// Rights: every call names its principal. Items that the principal may not see take no part in anything: not in the
// scan, not in the statistics of words, not in counts, suggestions and errors. An item that is invisible answers like
// one that does not exist. Scopes are checked by each call: kPermissionDenied.
//
// Thread safety: everything may be called from any number of threads at once. search and encode wait for the one
// thread that owns the model, which encodes together what waits at that moment.
class Service {
 public:
  // Opens the workspace, takes the right to write the space's codes (kUnavailable naming the holder), encodes what is
  // not encoded yet, and asks the model once so that it is warm. Errors also as Finder::open.
  static Result<std::unique_ptr<Service>> open(const std::filesystem::path& workspace, const ServiceOptions& options,
                                               ProgressSink& progress);
  virtual ~Service() = default;  // finishes writes on their way, stops jobs so that the next server goes on with them

  virtual void observe_stages(StageObserver observer) = 0;  // before the first request

  // --- scope search ---
  virtual Result<ServiceAnswer> search(const Principal& principal, const ServiceQuery& query) = 0;
  // Values of labels and attributes that begin so, most frequent first.
  virtual Result<std::vector<Suggestion>> suggest(const Principal& principal, std::string_view prefix,
                                                  std::size_t limit) = 0;
  virtual Result<std::vector<std::string>> label_columns(const Principal& principal) = 0;
  virtual Result<std::vector<ValueCount>> count_values(const Principal& principal, std::string_view column) = 0;
  virtual Result<EncodedContent> encode(const Principal& principal, const std::optional<std::string>& text,
                                        const std::optional<std::vector<std::byte>>& picture) = 0;

  // Why an item matches a query. Takes a second or so; kUnavailable while others wait for theirs. Else as
  // explain_match.
  virtual Result<Explanation> explain(const Principal& principal, const ExplainQuery& query) = 0;
  // The id of the query. Kept until the same principal says something else of this query and item. kNotFound where the
  // principal may not see the item, or that of the query. Pictures and texts are kept as the workspace keeps its own:
  // anonymised where it is.
  virtual Result<std::string> judge(const Principal& principal, const FeedbackRequest& request) = 0;

  // --- scope read ---
  virtual Result<Item> item(const Principal& principal, std::string_view id) = 0;  // kNotFound
  // Ascending in the order of arrival, after the item with id `after` (empty: from the beginning).
  virtual Result<std::vector<Item>> items(const Principal& principal, std::string_view after, std::size_t limit,
                                          const std::optional<Filter>& filter) = 0;
  virtual Result<std::size_t> count(const Principal& principal, const std::optional<Filter>& filter) = 0;
  // kNotFound also where the item has no picture.
  virtual Result<Thumbnail> thumbnail(const Principal& principal, std::string_view id, int width) = 0;  // 16 … 2048
  virtual std::string picture_uri(const Item& item) const = 0;
  virtual Result<std::vector<ServiceSpace>> spaces(const Principal& principal) = 0;
  virtual Result<ServiceCounts> counts(const Principal& principal) = 0;

  // --- scope write ---
  // Each by itself: one that is refused does not stop the others. When it returns, what it says is stored is durable
  // and found by every search that begins afterwards. `replace`: what is not given is taken away (PUT), else kept.
  // An id that somebody else's invisible item has is refused as kInvalidArgument.
  virtual Result<std::vector<WriteOutcome>> put(const Principal& principal, std::vector<NewItem> items,
                                                bool replace) = 0;
  virtual Result<void> remove(const Principal& principal, std::string_view id) = 0;  // kNotFound

  // --- scope admin ---
  virtual Result<Job> start_job(const Principal& principal, std::string_view kind, std::string_view arguments) = 0;
  virtual Result<Job> job(const Principal& principal, std::string_view id) = 0;
  virtual Result<std::vector<Job>> jobs(const Principal& principal) = 0;
  virtual Result<void> cancel_job(const Principal& principal, std::string_view id) = 0;
  // The last measurement of each kind (engine/evaluations.h), each an object.
  virtual Result<std::vector<nlohmann::ordered_json>> evaluations(const Principal& principal) = 0;
  virtual Result<ServiceFeedback> feedback(const Principal& principal, std::size_t limit) = 0;
  virtual Result<ServiceCollection> collection(const Principal& principal) = 0;
  // What an ingest could not take, the first `limit` in the order in which it was met.
  virtual Result<std::vector<Rejection>> rejections(const Principal& principal, std::size_t limit) = 0;

  virtual const CodeSpace& space() const = 0;  // that is served

  // Whether searches are answered and writes taken now; else why not.
  virtual Result<void> ready() = 0;
  virtual std::size_t encoder_queue_length() const = 0;
};

}  // namespace warifu
