#include "server/docs_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace warifu {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--line:#8884;--accent:#0a6c74}
@media(prefers-color-scheme:dark){:root{--accent:#5cc8d0}}
body{font:16px/1.55 system-ui,"Noto Sans CJK JP",sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;text-transform:capitalize}
details{border-top:1px solid var(--line);padding:.55rem 0}summary{cursor:pointer;display:flex;gap:.8rem;flex-wrap:wrap}
summary b{color:var(--accent);min-width:4rem}code{font:.9em ui-monospace,monospace}
summary span{opacity:.75}dl{margin:.6rem 0 .4rem 1rem;display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}
dd{margin:0}pre{overflow:auto;border:1px solid var(--line);border-radius:6px;padding:.7rem;font-size:.85rem}
)";

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string type_of(const Json& schema) {
  if (schema.contains("$ref")) {
    const auto name = schema.at("$ref").get<std::string>();
    return name.substr(name.rfind('/') + 1);
  }
  if (schema.contains("enum")) {
    std::string all;
    for (const Json& one : schema.at("enum")) all += (all.empty() ? "" : " | ") + one.get<std::string>();
    return all;
  }
  if (!schema.contains("type")) return schema.contains("oneOf") ? "one of several" : "anything";
  const Json& type = schema.at("type");
  if (type == "array") return "list of " + type_of(schema.at("items"));
  if (type.is_string()) return type.get<std::string>();
  std::string all;
  for (const Json& one : type) all += (all.empty() ? "" : " or ") + one.get<std::string>();
  return all;
}

std::string operation_html(const std::string& method, const std::string& path, const Json& operation) {
  std::string upper;
  for (const char c : method) upper += static_cast<char>(c - 'a' + 'A');
  std::string html = fmt::format("<details><summary><b>{}</b><code>{}</code><span>{}</span></summary><dl>", upper,
                                 escape(path), escape(operation.value("summary", "")));
  html += fmt::format("<dt>scope</dt><dd>{}</dd>", escape(operation.value("x-scope", "none")));
  if (operation.contains("parameters"))
    for (const Json& one : operation.at("parameters"))
      html += fmt::format("<dt><code>{}</code></dt><dd>{}, in the {}: {}</dd>",
                          escape(one.at("name").get<std::string>()), escape(type_of(one.at("schema"))),
                          escape(one.at("in").get<std::string>()), escape(one.value("description", "")));
  if (operation.contains("requestBody"))
    for (const auto& [type, content] : operation.at("requestBody").at("content").items())
      html +=
          fmt::format("<dt>body</dt><dd><code>{}</code> {}</dd>", escape(type), escape(type_of(content.at("schema"))));
  for (const auto& [status, response] : operation.at("responses").items()) {
    std::string what = response.value("description", "");
    if (response.contains("$ref")) what = type_of(response);
    if (response.contains("content"))
      for (const auto& [type, content] : response.at("content").items())
        if (type == "application/json") what += ": " + type_of(content.at("schema"));
    html += fmt::format("<dt>{}</dt><dd>{}</dd>", escape(status), escape(what));
  }
  return html + "</dl></details>\n";
}

}  // namespace

std::string docs_page(std::string_view openapi) {
  const Json document = Json::parse(openapi);
  std::string html = fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
      "<title>{0} HTTP interface</title><style>{1}</style><h1>{0} HTTP interface</h1>",
      escape(document.at("info").at("title").get<std::string>()), kStyle);
  const auto description = document.at("info").at("description").get<std::string>();
  for (std::size_t begin = 0; begin < description.size();) {
    const std::size_t end = std::min(description.find("\n\n", begin), description.size());
    html += "<p>" + escape(description.substr(begin, end - begin)) + "</p>\n";
    begin = end + 2;
  }
  html += "<p>For programs: <a href=/openapi.json>openapi.json</a></p>";
  for (const Json& tag : document.at("tags")) {
    const auto name = tag.at("name").get<std::string>();
    html += "<h2>" + escape(name) + "</h2>\n";
    for (const auto& [path, operations] : document.at("paths").items())
      for (const auto& [method, operation] : operations.items())
        if (operation.at("tags").front() == name) html += operation_html(method, path, operation);
  }
  html += "<h2>Forms</h2>\n";
  for (const auto& [name, schema] : document.at("components").at("schemas").items())
    html += fmt::format("<details><summary><code>{}</code></summary><pre>{}</pre></details>\n", escape(name),
                        escape(schema.dump(2)));
  return html;
}

}  // namespace warifu
