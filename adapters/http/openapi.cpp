#include "adapters/http/openapi.hpp"

#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::http {
namespace {

using chat_json::quoted;

std::string schema_reference(std::string_view type) {
  if (type.empty()) return "{}";
  return R"({"$ref":"#/components/schemas/)" + std::string(type) + "\"}";
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// `/v1/models/{id...}` is `/v1/models/{id}` there.
std::string documented_path(std::string_view pattern) {
  std::string out(pattern);
  if (const auto dots = out.find("...}"); dots != std::string::npos) out.erase(dots, 3);
  return out;
}

std::vector<std::string> path_parameters(std::string_view path) {
  std::vector<std::string> out;
  for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1))
    out.emplace_back(path.substr(open + 1, path.find('}', open) - open - 1));
  return out;
}

// The query parameters of a GET are the other fields of its request.
std::vector<std::string> request_fields(std::string_view type) {
#define TROUPE_HTTP_FIELDS(service_, name_, request_, delta_, reply_, class_)                       \
  if (type == #request_) return json::field_names<request_>();
  TROUPE_PUBLIC_METHODS(TROUPE_HTTP_FIELDS)
#undef TROUPE_HTTP_FIELDS
  return {};
}

std::string parameters(const route& line, const std::string& path) {
  std::string out;
  const auto add = [&out](const std::string& name, bool in_path) {
    if (!out.empty()) out += ',';
    out += R"({"name":)" + quoted(name) + R"(,"in":")" + (in_path ? "path" : "query") +
           R"(","required":)" + (in_path ? "true" : "false") + R"(,"schema":{"type":"string"}})";
  };
  const auto in_path = path_parameters(path);
  for (const auto& name : in_path) add(name, true);
  if (line.method == "GET") {
    for (const auto& name : request_fields(line.request_type)) {
      const bool taken = std::find(in_path.begin(), in_path.end(), name) != in_path.end();
      if (!taken && !(name == "id" && line.pattern == "/v1/models")) add(name, false);
    }
  }
  return out;
}

std::string request_body(const route& line) {
  if (line.body == body_kind::none) return {};
  if (line.body == body_kind::form)
    return R"(,"requestBody":{"required":true,"content":{"multipart/form-data":{"schema":)"
           R"({"type":"object","required":["file","purpose"],"properties":{"file":)"
           R"({"type":"string","contentMediaType":"application/octet-stream"},)"
           R"("purpose":{"type":"string"}}}}}})";
  auto schema = schema_reference(line.request_type);
  if (line.request_type == "log_input")
    schema = R"({"oneOf":[)" + schema + R"(,{"type":"array","maxItems":1000,"items":)" + schema + "}]}";
  return std::string(R"(,"requestBody":{"required":)") +
         (line.body == body_kind::json ? "true" : "false") +
         R"(,"content":{"application/json":{"schema":)" + schema + "}}}";
}

std::string responses(const route& line) {
  std::string out = R"(,"responses":{")" + std::to_string(line.status) + R"(":{"description":"Done")";
  if (line.status != 204) {
    out += R"(,"content":{)" + quoted(line.reply_media) + R"(:{"schema":)" +
           schema_reference(line.reply_type) + "}";
    if (line.pattern == "/v1/chat/completions") out += R"(,"text/event-stream":{"schema":{}})";
    out += "}";
  }
  out += R"(},"default":{"description":"An error in OpenAI's shape","content":)"
         R"({"application/json":{"schema":{"$ref":"#/components/schemas/error_answer"}}}}})";
  return out;
}

std::string operation(const route& line, const std::string& path) {
  std::string id = lower(line.method);
  for (const char c : path) id += c == '/' || c == '{' || c == '}' || c == '.' ? '_' : c;
  return quoted(lower(line.method)) + R"(:{"operationId":)" + quoted(id) + R"(,"summary":)" +
         quoted(line.summary) + R"(,"security":)" + (line.is_public ? "[]" : R"([{"bearer":[]}])") +
         R"(,"parameters":[)" + parameters(line, path) + "]" + request_body(line) + responses(line) +
         "}";
}

constexpr std::string_view error_schema =
    R"("error_answer":{"type":"object","required":["error"],"properties":{"error":{"type":"object",)"
    R"("required":["message","type","param","code"],"properties":{"message":{"type":"string"},)"
    R"("type":{"type":"string"},"param":{"type":["string","null"]},)"
    R"("code":{"type":["string","null"]}}}}})";

} // namespace

std::string openapi_document(const std::vector<route>& routes, const std::string& version) {
  std::map<std::string, std::string> paths;
  for (const auto& line : routes) {
    const auto path = documented_path(line.pattern);
    auto& operations = paths[path];
    if (!operations.empty()) operations += ',';
    operations += operation(line, path);
  }
  std::string out = R"({"openapi":"3.1.0","info":{"title":"Troupe","version":)" + quoted(version) +
                    R"(},"paths":{)";
  for (bool first = true; const auto& [path, operations] : paths) {
    if (!std::exchange(first, false)) out += ',';
    out += quoted(path) + ":{" + operations + "}";
  }
  out += R"(},"components":{"securitySchemes":{"bearer":{"type":"http","scheme":"bearer"}},"schemas":{)";
  out += error_schema;
  // schemas() is an object: its members follow ours.
  const auto schemas = json::schemas();
  const auto open = schemas.find('{'), close = schemas.rfind('}');
  if (open != std::string::npos && close > open + 1)
    out += "," + schemas.substr(open + 1, close - open - 1);
  out += "}}}";
  return out;
}

} // namespace troupe::http
