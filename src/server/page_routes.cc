#include "server/api_impl.h"
#include "server/docs_page.h"
#include "server/openapi.h"
#include "server/page_files.h"

// Routes of what people look at in a browser, and of the description for programs.
namespace warifu {
namespace {

HttpResponse response_of(const HttpRequest& request, std::string_view path) {
  if (const PageFile* file = find_page_file(path)) return page_file_response(request, *file);
  if (page_files().empty())
    return problem_response(
        Problem{404, "not_found", "this program was built without its page", "/docs tells what else answers"},
        request.id);
  return problem_response(Problem{404, "not_found", "the page has no such file", "load the page again"}, request.id);
}

}  // namespace

// The page itself looks at the address to tell what to show.
HttpResponse Api::Impl::page(const HttpRequest& request, const Parameters&) {
  return response_of(request, "/index.html");
}

HttpResponse Api::Impl::page_file(const HttpRequest& request, const Parameters& path) {
  return response_of(request, "/assets/" + path["file"]);
}

HttpResponse Api::Impl::openapi(const HttpRequest&, const Parameters&) {
  return text_response(200, "application/json", std::string(openapi_document()));
}

HttpResponse Api::Impl::docs(const HttpRequest&, const Parameters&) {
  static const std::string page = docs_page(openapi_document());
  return text_response(200, "text/html; charset=utf-8", page);
}

}  // namespace warifu
