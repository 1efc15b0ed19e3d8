#include "adapters/http/openapi_operation.hpp"

#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace troupe::http {
namespace {

using chat_json::quoted;

constexpr std::string_view common_headers =
    R"("headers":{"x-request-id":{"$ref":"#/components/headers/x-request-id"},)"
    R"("openai-processing-ms":{"$ref":"#/components/headers/openai-processing-ms"})";

constexpr std::string_view error_content =
    R"("content":{"application/json":{"schema":{"$ref":"#/components/schemas/error_answer"}}})";

constexpr std::pair<unsigned, std::string_view> refusals[] = {
    {400, "Malformed HTTP or JSON, a wrong type or value, or a missing field: `param` is its path"},
    {401, "No credential, or one that is wrong, expired or revoked"},
    {403, "Known caller, not allowed"},
    {404, "No such object, or another user's"},
    {408, "The body came too slowly; the connection closes"},
    {409, "It exists already"},
    {413, "The body or a field is past its bound"},
    {415, "The body is no multipart/form-data"},
    {429, "A bound of the caller or of a queue, or the provider's own"},
    {500, "A bug"},
    {502, "The provider failed, or the node that worked on the request is gone"},
    {503, "Nobody to ask, a store is down, too much to do, or shutting down"},
    {504, "The deadline passed"},
};

std::string reference(std::string_view type) {
  return R"({"$ref":"#/components/schemas/)" + std::string(type) + "\"}";
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

const json::field_schema* field_of(const messages_by_name& messages, std::string_view type,
                                   std::string_view name) {
  const auto at = messages.find(type);
  if (at == messages.end()) return nullptr;
  const auto found = std::ranges::find(at->second.fields, name, &json::field_schema::name);
  return found == at->second.fields.end() ? nullptr : &*found;
}

void append_parameter(std::string& out, const std::string& name, bool in_path, bool required,
                      const std::string& schema) {
  if (!out.empty()) out += ',';
  out += R"({"name":)" + quoted(name) + R"(,"in":")" + (in_path ? "path" : "query") +
         R"(","required":)" + (required ? "true" : "false") + R"(,"schema":)" + schema + "}";
}

// What stands in the path; without a body all other fields are in the query.
std::string parameters(const route& line, const std::string& path,
                       const messages_by_name& messages) {
  std::string out;
  const auto in_path = path_parameters(path);
  for (const auto& name : in_path) {
    const auto* field = field_of(messages, line.request_type, name);
    append_parameter(out, name, true, true, field ? field->schema : R"({"type":"string"})");
  }
  const auto message = messages.find(line.request_type);
  if (line.body != body_kind::none || message == messages.end()) return out;
  for (const auto& field : message->second.fields) {
    if (field.internal || std::ranges::find(in_path, field.name) != in_path.end()) continue;
    append_parameter(out, field.name, false, field.required, field.schema);
  }
  return out;
}

std::string form_schema(const route& line, const messages_by_name& messages) {
  const auto* purpose = field_of(messages, line.request_type, "purpose");
  return R"({"type":"object","required":["file","purpose"],"properties":{"file":{"type":"string",)"
         R"("contentMediaType":"application/octet-stream",)"
         R"("description":"The bytes. The part's filename is the file's."},"purpose":)" +
         (purpose ? purpose->schema : R"({"type":"string"})") + "}}";
}

std::string request_body(const route& line, const messages_by_name& messages) {
  if (line.body == body_kind::none) return {};
  const bool form = line.body == body_kind::form;
  const bool required = line.body != body_kind::optional_json;
  return std::string(R"(,"requestBody":{"required":)") + (required ? "true" : "false") +
         R"(,"content":{")" + (form ? "multipart/form-data" : "application/json") +
         R"(":{"schema":)" + (form ? form_schema(line, messages) : reference(line.request_type)) +
         "}}}";
}

// `token:chat_token_event error:error_answer`; an event `message` is a bare `data:` line.
std::string events_content(std::string_view events) {
  std::string names, about = "Server-sent events.";
  while (!events.empty()) {
    const auto one = events.substr(0, events.find(' '));
    events.remove_prefix(std::min(one.size() + 1, events.size()));
    const auto colon = one.find(':');
    const auto name = one.substr(0, colon), type = one.substr(colon + 1);
    names += (names.empty() ? "" : ",") + quoted(name) + ":" + reference(type);
    about += name == "message" ? " Data of an event without a name: "
                               : " Data of `" + std::string(name) + "`: ";
    about += std::string(type) + " in JSON";
    if (name == "message") about += "; the last is `[DONE]`, which does not follow an error";
    about += name == "error" ? ", which ends the stream." : ".";
  }
  return R"("text/event-stream":{"schema":{"type":"string","description":)" + quoted(about) +
         R"(},"x-sse-events":{)" + names + "}}";
}

std::string plain_content(const route& line) {
  std::string schema = "{}"; // bytes
  if (!line.reply_type.empty())
    schema = reference(line.reply_type);
  else if (line.reply_media == "application/json")
    schema = R"({"type":"object"})";
  else if (line.reply_media == "text/plain")
    schema = R"({"type":"string"})";
  return quoted(line.reply_media) + R"(:{"schema":)" + schema + "}";
}

std::string success(const route& line) {
  std::string out = quoted(std::to_string(line.status)) + R"(:{"description":"Done",)" +
                    std::string(common_headers) + "}";
  if (line.status == 204) return out + "}";
  std::string content;
  if (line.reply_media != "text/event-stream") content = plain_content(line);
  if (!line.events.empty()) content += (content.empty() ? "" : ",") + events_content(line.events);
  return out + R"(,"content":{)" + content + "}}";
}

// The statuses that the route can refuse with, from what it is and from its own list.
std::set<unsigned> statuses_of(const route& line) {
  std::set<unsigned> out{400};
  if (!line.is_public) out.insert({401, 403, 429});
  if (line.pattern.find('{') != std::string_view::npos) out.insert(404);
  if (line.body != body_kind::none) out.insert({408, 413});
  if (line.body == body_kind::form) out.insert(415);
  if (line.gate != gate_kind::none && line.gate != gate_kind::any) out.insert({500, 502, 503, 504});
  auto rest = line.more_statuses;
  while (!rest.empty()) {
    unsigned status = 0;
    const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), status).ptr;
    out.insert(status);
    rest.remove_prefix(std::min<std::size_t>(end - rest.data() + 1, rest.size()));
  }
  return out;
}

std::string responses(const route& line) {
  std::string out = R"(,"responses":{)" + success(line);
  for (const unsigned status : statuses_of(line)) {
    const auto code = std::to_string(status);
    out += "," + quoted(code) + R"(:{"$ref":"#/components/responses/)" + code + "\"}";
  }
  // Not ready is an answer too, and no error; while shutting down it may be one.
  if (line.reply_type == "ping_reply")
    out += R"(,"503":{"description":"A role cannot work",)" + std::string(common_headers) +
           R"(},"content":{"application/json":{"schema":{"anyOf":[)" + reference("ping_reply") +
           "," + reference("error_answer") + "]}}}}";
  return out + R"(,"default":{"$ref":"#/components/responses/default"}})";
}

std::string refusal(std::string_view name, std::string_view description, bool may_retry) {
  std::string out = quoted(name) + R"(:{"description":)" + quoted(description) + "," +
                    std::string(common_headers);
  if (may_retry)
    out += R"(,"Retry-After":{"$ref":"#/components/headers/Retry-After"},)"
           R"("retry-after-ms":{"$ref":"#/components/headers/retry-after-ms"})";
  return out + "}," + std::string(error_content) + "}";
}

} // namespace

std::vector<std::string> path_parameters(std::string_view path) {
  std::vector<std::string> out;
  for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1))
    out.emplace_back(path.substr(open + 1, path.find('}', open) - open - 1));
  return out;
}

std::string operation(const route& line, const std::string& path,
                      const messages_by_name& messages) {
  std::string id = lower(line.method);
  for (const char c : path) id += c == '/' || c == '{' || c == '}' || c == '.' ? '_' : c;
  return quoted(lower(line.method)) + R"(:{"operationId":)" + quoted(id) + R"(,"summary":)" +
         quoted(line.summary) + R"(,"security":)" + (line.is_public ? "[]" : R"([{"bearer":[]}])") +
         R"(,"parameters":[)" + parameters(line, path, messages) + "]" +
         request_body(line, messages) + responses(line) + "}";
}

std::string header_components() {
  return R"("x-request-id":{"description":"The request's id: the client's own or a fresh one, )"
         R"(found in the log.","schema":{"type":"string","maxLength":128}},)"
         R"("openai-processing-ms":{"description":"How long the answer took.",)"
         R"("schema":{"type":"integer","minimum":0}},)"
         R"("Retry-After":{"description":"Seconds.","schema":{"type":"integer","minimum":1}},)"
         R"("retry-after-ms":{"schema":{"type":"integer","minimum":1}})";
}

std::string response_components() {
  std::string out;
  for (const auto& [status, description] : refusals)
    out += refusal(std::to_string(status), description, status == 429 || status == 503) + ",";
  return out +
         refusal("default", "An error in OpenAI's shape; a provider's own status is kept", false);
}

} // namespace troupe::http
