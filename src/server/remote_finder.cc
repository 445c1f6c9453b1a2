#include "server/remote_finder.h"

#include <sodium.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "server/http_message.h"
#include "server/serve.h"

namespace warifu {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Json = nlohmann::ordered_json;

constexpr auto kPatience = std::chrono::seconds(60);  // for an answer
constexpr auto kConnectPatience = std::chrono::seconds(2);
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxUrlBytes = 4096;
constexpr std::size_t kMostHits = 1000;  // of one page

struct Url {
  std::string host;
  std::string port;
};

// Of plain HTTP; others are nothing to us.
std::optional<Url> parse_url(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '/')) text.pop_back();
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text = text.substr(kScheme.size());
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  Url url{text.substr(0, colon), text.substr(colon + 1)};
  if (url.host.size() > 2 && url.host.front() == '[') url.host = url.host.substr(1, url.host.size() - 2);
  return url;
}

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

ErrorCode code_of(unsigned status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kIncompatible;
    case 422:
      return ErrorCode::kBadFormat;
    case 429:
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidArgument;
  }
}

Fail not_understood() {
  return fail(ErrorCode::kUnavailable, "the running server's answer cannot be understood",
              "add --server none to search without it");
}

FoundItem read_hit(const Json& hit) {
  FoundItem found;
  found.rank = hit.at("rank").get<std::size_t>();
  found.item.id = hit.at("id").get<std::string>();
  const auto modality = hit.at("modality").get<std::string>();
  found.modality = modality == "text" ? Modality::kText : modality == "both" ? Modality::kBoth : Modality::kImage;
  if (!hit.at("distance").is_null()) found.distance = hit.at("distance").get<std::uint32_t>();
  found.score = hit.at("score").get<double>();
  if (hit.contains("probability")) found.probability = hit.at("probability").get<double>();
  found.channels = hit.at("channels").get<std::vector<std::string>>();
  if (hit.contains("words")) found.matched_words = hit.at("words").get<std::vector<std::string>>();
  found.picture = hit.at("uri").get<std::string>();
  if (const auto text = hit.at("text").get<std::string>(); !text.empty()) found.item.text = text;
  for (const auto& [column, values] : hit.at("labels").items())
    for (const Json& value : values) found.item.labels.push_back({column, value.get<std::string>()});
  return found;
}

}  // namespace

class RemoteFinder::Client {
 public:
  Client(Url url, std::string key) : url_(std::move(url)), key_(std::move(key)) {}

  struct Answer {
    unsigned status = 0;
    std::string body;
  };
  Result<Answer> ask(http::verb method, const std::string& target, const std::string& body) {
    http::request<http::string_body> request(method, target, 11);
    request.set(http::field::host, (url_.host.contains(':') ? "[" + url_.host + "]" : url_.host) + ":" + url_.port);
    if (!key_.empty()) request.set(http::field::authorization, "Bearer " + key_);
    if (!body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = body;
    request.prepare_payload();
    // A connection that was idle may have been closed by the other side: once more with a new one.
    const bool fresh = !stream_;
    auto answer = exchange(request);
    if (!answer && !fresh) answer = exchange(request);
    return answer;
  }

 private:
  // Runs one step of the stream to its end, or to its time limit.
  template <typename Start>
  beast::error_code step(std::chrono::seconds patience, Start start) {
    beast::error_code failure;
    stream_->expires_after(patience);
    start([&](beast::error_code error, auto&&...) { failure = error; });
    context_.restart();
    context_.run();
    return failure;
  }

  Result<Answer> exchange(const http::request<http::string_body>& request) {
    beast::error_code failure;
    if (!stream_) {
      asio::ip::tcp::resolver resolver(context_);
      const auto places = resolver.resolve(url_.host, url_.port, failure);
      stream_.emplace(context_);
      if (!failure)
        failure = step(kConnectPatience, [&](auto done) { stream_->async_connect(places, std::move(done)); });
    }
    if (!failure) failure = step(kPatience, [&](auto done) { http::async_write(*stream_, request, std::move(done)); });
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxAnswerBytes);
    if (!failure)
      failure = step(kPatience, [&](auto done) { http::async_read(*stream_, buffer_, parser, std::move(done)); });
    if (failure) {
      stream_.reset();
      buffer_.clear();
      return fail(ErrorCode::kUnavailable, "the running server does not answer: " + failure.message(),
                  "add --server none to search without it");
    }
    Answer answer{parser.get().result_int(), std::move(parser.get().body())};
    if (!parser.get().keep_alive()) stream_.reset();
    return answer;
  }

  Url url_;
  std::string key_;
  asio::io_context context_;
  std::optional<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
};

RemoteFinder::RemoteFinder() = default;
RemoteFinder::RemoteFinder(RemoteFinder&&) noexcept = default;
RemoteFinder& RemoteFinder::operator=(RemoteFinder&&) noexcept = default;
RemoteFinder::~RemoteFinder() = default;

std::optional<RemoteFinder> RemoteFinder::of_workspace(const std::filesystem::path& workspace, const std::string& space,
                                                       std::uint32_t bits, const std::string& key) {
  const auto text = read_text_file(workspace / kServerFile, kMaxUrlBytes);
  if (!text) return std::nullopt;
  const auto url = parse_url(*text);
  if (!url) return std::nullopt;
  RemoteFinder finder;
  finder.client_ = std::make_unique<Client>(*url, key);
  const auto answer = finder.client_->ask(http::verb::get, "/v1/status", {});
  if (!answer || answer->status != 200) return std::nullopt;
  const auto json = Json::parse(answer->body, nullptr, false);
  if (!json.is_object() || !json.contains("space") || !json.contains("bits")) return std::nullopt;
  try {
    finder.space_ = json.at("space").get<std::string>();
    finder.bits_ = json.at("bits").get<std::uint32_t>();
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  std::error_code failure;
  if (!std::filesystem::exists(workspace / "spaces" / finder.space_ / "model.json", failure)) return std::nullopt;
  if ((!space.empty() && space != finder.space_) || (bits != 0 && bits != finder.bits_)) return std::nullopt;
  return finder;
}

Result<FoundItems> RemoteFinder::find(const FindRequest& request) const {
  Json query = Json::object();
  if (request.text) query["text"] = *request.text;
  if (request.image) {
    const auto bytes = read_file(*request.image, std::size_t{1} << 30);
    if (!bytes) return std::unexpected(bytes.error());
    query["image"] = to_base64(*bytes);
  }
  if (request.like) query["item_id"] = *request.like;
  query["find"] = find_name(request.find);
  query["limit"] = std::min(request.k, kMostHits);
  if (request.code_weight) query["weights"]["code"] = *request.code_weight;
  if (request.word_weight) query["weights"]["words"] = *request.word_weight;
  for (const std::string& condition : request.filters) {
    const auto filter = parse_condition(condition);
    if (!filter) return std::unexpected(filter.error());
    query["filter"]["all"].push_back({{"column", filter->column}, {"in", filter->values}});
  }
  FoundItems found;
  for (;;) {
    const auto answer =
        client_->ask(http::verb::post, "/v1/search", query.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (!answer) return std::unexpected(answer.error());
    const auto json = Json::parse(answer->body, nullptr, false);
    if (!json.is_object()) return not_understood();
    try {
      if (answer->status != 200)
        return fail(code_of(answer->status), json.at("detail").get<std::string>(), json.value("hint", ""));
      for (const Json& hit : json.at("hits")) found.items.push_back(read_hit(hit));
      found.no_good_match = json.at("no_good_match").get<bool>();
      if (!json.contains("cursor") || found.items.size() >= request.k) break;
      query["cursor"] = json.at("cursor");
    } catch (const Json::exception&) {
      return not_understood();
    }
  }
  if (found.items.size() > request.k) found.items.resize(request.k);
  return found;
}

}  // namespace warifu
