#include "server/api_impl.h"
#include "server/docs_page.h"
#include "server/openapi.h"

// Routes of what people look at in a browser, and of the description for programs.
namespace warifu {

HttpResponse Api::Impl::openapi(const HttpRequest&, const Parameters&) {
  return text_response(200, "application/json", std::string(openapi_document()));
}

HttpResponse Api::Impl::docs(const HttpRequest&, const Parameters&) {
  static const std::string page = docs_page(openapi_document());
  return text_response(200, "text/html; charset=utf-8", page);
}

HttpResponse Api::Impl::front(const HttpRequest&, const Parameters&) {
  return HttpResponse{302, {{"Location", "/docs"}}, {}};
}

}  // namespace warifu
