#include "adapters/http/openapi.hpp"

#include "adapters/http/openapi_operation.hpp"
#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::http {
namespace {

using chat_json::quoted;

using schemas_by_name = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view about =
    "Bodies are JSON, but for the upload of a file. A field that is null counts as absent; an "
    "unknown field is skipped, but in chats and embeddings, where it reaches the provider. "
    "HEAD works where GET does.";

// `/v1/models/{id...}` is `/v1/models/{id}` there.
std::string documented_path(std::string_view pattern) {
  std::string out(pattern);
  if (const auto dots = out.find("...}"); dots != std::string::npos) out.erase(dots, 3);
  return out;
}

// What stands in the path is no part of the body, whatever the message has.
messages_by_name messages_of(const std::vector<route>& routes) {
  messages_by_name out;
  for (auto& message : json::message_schemas()) {
    auto name = message.name;
    out.emplace(std::move(name), std::move(message));
  }
  for (const auto& line : routes) {
    const auto message = out.find(line.request_type);
    if (message == out.end() || line.body == body_kind::none) continue;
    const auto in_path = path_parameters(documented_path(line.pattern));
    for (auto& field : message->second.fields)
      if (std::ranges::find(in_path, field.name) != in_path.end()) field.internal = true;
  }
  return out;
}

// What the edge itself makes or takes apart.
schemas_by_name edge_schemas() {
  return {
      {"error_answer",
       R"({"type":"object","required":["error"],"properties":{"error":{"type":"object",)"
       R"("required":["message","type","param","code"],"properties":{"message":{"type":"string"},)"
       R"("type":{"type":"string"},"param":{"type":["string","null"],)"
       R"("description":"The path of the offending field, e.g. messages[0].role."},)"
       R"("code":{"type":["string","null"]},"started":{"enum":["no","yes","unknown"],)"
       R"("description":"Of failures (499 and above), of 429, and conflicts with what has )"
       R"(begun: whether the work may have begun. With no, )"
       R"(the request may be sent again without a second effect."}}}}})"},
      {"health_answer", R"({"type":"object","required":["status","version"],"properties":{)"
                        R"("status":{"const":"ok"},"version":{"type":"string"}}})"},
      {"log_body", R"({"oneOf":[{"$ref":"#/components/schemas/log_input"},{"type":"array",)"
                   R"("minItems":1,"maxItems":)" +
                       std::to_string(limits::log_batch) +
                       R"(,"items":{"$ref":"#/components/schemas/log_input"}}]})"},
      {"log_answer", R"({"oneOf":[{"$ref":"#/components/schemas/log_record"},)"
                     R"({"$ref":"#/components/schemas/append_logs_reply"}]})"},
  };
}

schemas_by_name all_schemas(const messages_by_name& messages) {
  auto out = edge_schemas();
  for (auto& [name, schema] : json::answer_schemas()) out.emplace(name, std::move(schema));
  for (const auto& [name, message] : messages) out.emplace(name, json::object_schema(message));
  return out;
}

// Adds what `text` refers to, and what that refers to: messages between nodes stay out.
void add_referred(std::string_view text, const schemas_by_name& all, schemas_by_name& out) {
  constexpr std::string_view to = "#/components/schemas/";
  for (auto at = text.find(to); at != std::string_view::npos; at = text.find(to, at)) {
    at += to.size();
    const auto known = all.find(text.substr(at, text.find('"', at) - at));
    if (known != all.end() && out.insert(*known).second) add_referred(known->second, all, out);
  }
}

std::string paths_of(const std::vector<route>& routes, const messages_by_name& messages) {
  std::map<std::string, std::string> paths;
  for (const auto& line : routes) {
    if (line.errors == error_form::gotrue) continue;
    const auto path = documented_path(line.pattern);
    auto& operations = paths[path];
    if (!operations.empty()) operations += ',';
    operations += operation(line, path, messages);
  }
  std::string out;
  for (const auto& [path, operations] : paths) {
    if (!out.empty()) out += ',';
    out += quoted(path) + ":{" + operations + "}";
  }
  return out;
}

std::string members_of(const schemas_by_name& schemas) {
  std::string out;
  for (const auto& [name, schema] : schemas) {
    if (!out.empty()) out += ',';
    out += quoted(name) + ":" + schema;
  }
  return out;
}

} // namespace

std::string openapi_document(const std::vector<route>& routes, const std::string& version) {
  const auto messages = messages_of(routes);
  const auto paths = paths_of(routes, messages);
  const auto responses = response_components();
  const auto all = all_schemas(messages);
  schemas_by_name used;
  add_referred(paths, all, used);
  add_referred(responses, all, used);
  return R"({"openapi":"3.1.0","info":{"title":"Troupe","version":)" + quoted(version) +
         R"(,"description":)" + quoted(about) + R"(},"paths":{)" + paths +
         R"(},"components":{"securitySchemes":{"bearer":{"type":"http","scheme":"bearer",)"
         R"("description":"An API key or an access token."}},"headers":{)" +
         header_components() + R"(},"responses":{)" + responses + R"(},"schemas":{)" +
         members_of(used) + "}}}";
}

} // namespace troupe::http
