#include "adapters/http/json_route.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/validate.hpp"

#include <string_view>

namespace troupe::http {
namespace {

// Errors speak of `records[3].level`, which is the list inside; the client wrote `[3].level`, or,
// with a single record, `level`.
error in_clients_words(error why, bool single) {
  const std::string_view inside = single ? "records[0]." : "records";
  if (!why.param.starts_with(inside)) return why;
  if (why.message.starts_with(why.param)) why.message.erase(0, inside.size());
  why.param.erase(0, inside.size());
  return why;
}

result<append_logs_request> records_of(const std::string& body, bool& single) {
  const auto start = body.find_first_not_of(" \t\r\n");
  single = start == std::string::npos || body[start] != '[';
  append_logs_request out;
  if (single) {
    auto one = json::decode<log_input>(body);
    if (!one) return std::unexpected(std::move(one.error()));
    out.records.push_back(std::move(*one));
  } else {
    // Checked as it is: `[…],"users":[…]` must not become fields of the request around it.
    if (auto valid = check_json(body); !valid) return std::unexpected(std::move(valid.error()));
    auto many = json::decode<append_logs_request>("{\"records\":" + body + "}");
    if (!many) return std::unexpected(std::move(many.error()));
    out.records = std::move(many->records);
  }
  if (auto valid = validate(out); !valid) return std::unexpected(std::move(valid.error()));
  return out;
}

void append(http_call& in) {
  bool single = false;
  auto request = records_of(in.body, single);
  if (!request) return in.to->fail(in_clients_words(std::move(request.error()), single));
  in.edge.gates.logs->ask(
      std::move(in.context), std::move(*request),
      reply<append_logs_reply>([to = in.to, single](result<append_logs_reply> value) {
        if (!value) return to->fail(in_clients_words(std::move(value.error()), single));
        const bool one = single && value->data.size() == 1;
        to->answer({.status = 201,
                    .body = one ? json::encode(value->data.front()) : json::encode(*value),
                    .extra = {}});
      }));
}

// A body without attributes changes nothing, but still says whether the record is there.
void patch(http_call& in) {
  auto request = request_of<patch_log_request>(in, body_kind::json);
  if (!request) return in.to->fail(std::move(request.error()));
  if (request->attributes.empty()) request->attributes.raw = "{}";
  in.edge.gates.logs->ask(std::move(in.context), std::move(*request),
                          answer_with<log_record>(in.to, 200));
}

} // namespace

void add_log_routes(std::vector<route>& out) {
  const route lines[] = {
      {.method = "POST",
       .pattern = "/v1/logs",
       .run = &append,
       .gate = gate_kind::logs,
       .body = body_kind::json,
       .status = 201,
       .request_type = "log_body",
       .reply_type = "log_answer",
       .summary = "Store a record, or an array of at most 1,000 (answered with {data})"},
      {.method = "PATCH",
       .pattern = "/v1/logs/{id}",
       .run = &patch,
       .gate = gate_kind::logs,
       .body = body_kind::json,
       .request_type = "patch_log_request",
       .reply_type = "log_record",
       .summary = "Merge attributes into a record (RFC 7396)"},
      TROUPE_HTTP_ROUTE("GET", "/v1/logs", logs, none, 200, list_logs_request, false,
                        "Find records, newest first"),
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http
