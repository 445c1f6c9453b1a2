#pragma once

#include <cstddef>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/filter.h"
#include "server/http_message.h"
#include "server/multipart.h"
#include "server/problem.h"
#include "server/wire.h"

// What every route does with a request before it asks the engine, and with the answer afterwards.
namespace warifu {

// The body of a request: a JSON object, and parts that came beside it. It lives as long as the request.
class Body {
 public:
  // `json_part`: the name of the part that holds the object in a multipart body; without it the object is empty.
  static std::expected<Body, Problem> read(const HttpRequest& request, std::string_view json_part);

  const wire::Json& json() const { return json_; }

  const std::string_view* part(std::string_view name) const;  // null: there is none
  // The file name that came with a part; empty: none.
  std::string file_name(std::string_view name) const;

 private:
  std::expected<Body, Problem> parse(std::string_view text);

  wire::Json json_ = wire::Json::object();
  std::vector<FormPart> parts_;
};

// A whole number of the query string in a range; `usual` where it is not given.
Result<std::size_t> number_of(const HttpRequest& request, std::string_view name, std::size_t usual, std::size_t least,
                              std::size_t most);
// filter=COLUMN=VALUE, all of them; nothing where there is none.
Result<std::optional<Filter>> filter_of(const HttpRequest& request);
// kInvalidArgument where the query string has another parameter.
Result<void> only_known(const HttpRequest& request, std::initializer_list<std::string_view> known);

HttpResponse json_response(int status, const wire::Json& json);
HttpResponse no_content();

}  // namespace warifu
