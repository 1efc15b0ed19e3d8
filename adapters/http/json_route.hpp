#pragma once

#include "adapters/http/edge_state.hpp"
#include "adapters/http/exchange.hpp"
#include "adapters/http/rate_limit_lines.hpp"
#include "messages/codec/json.hpp"

#include <type_traits>
#include <utility>

/// The generic handler: JSON in, a gate's method, JSON out.
namespace troupe::http {

/// The request of a call: its body, then its query (without a body only), then its path.
template <class Request>
result<Request> request_of(const http_call& in, body_kind body) {
  Request request;
  if (body == body_kind::json || (body == body_kind::optional_json && !in.body.empty())) {
    auto decoded = json::decode<Request>(in.body);
    if (!decoded) return decoded;
    request = std::move(*decoded);
  } else if (auto set = json::set_fields(request, in.query); !set) {
    return std::unexpected(std::move(set.error()));
  }
  if (auto set = json::set_fields(request, in.path); !set)
    return std::unexpected(std::move(set.error()));
  return request;
}

/// Answers an exchange with a message.
template <class Reply>
reply<Reply> answer_with(std::shared_ptr<exchange> to, unsigned status) {
  return reply<Reply>([to = std::move(to), status](result<Reply> value) {
    if (!value)
      to->fail(std::move(value.error()));
    else if constexpr (std::is_same_v<Reply, json_reply>)
      to->answer({.status = status,
                  .body = std::move(value->body.raw),
                  .extra = rate_limit_lines(value->limits)});
    else if (status == 204)
      to->answer({.status = 204, .content_type = {}, .body = {}, .extra = {}});
    else
      to->answer({.status = status, .body = json::encode(*value), .extra = {}});
  });
}

template <auto Gate, class Request, body_kind Body = body_kind::none, unsigned Status = 200>
void run_json(http_call& in) {
  auto request = request_of<Request>(in, Body);
  if (!request) return in.to->fail(std::move(request.error()));
  (in.edge.gates.*Gate)
      ->ask(std::move(in.context), std::move(*request),
            answer_with<reply_of<Request>>(in.to, Status));
}

} // namespace troupe::http

/// A line of the table whose request and reply are messages; `more_statuses` may come last.
#define TROUPE_HTTP_ROUTE(method_, pattern_, gate_, body_, status_, request_, public_, summary_, \
                          ...)                                                                   \
  route {                                                                                        \
    .method = method_, .pattern = pattern_,                                                      \
    .run = &run_json<&http_gates::gate_, request_, body_kind::body_, status_>,                   \
    .gate = gate_kind::gate_, .body = body_kind::body_, .is_public = public_, .status = status_, \
    .request_type = #request_, .reply_type = reply_name<reply_of<request_>>(),                   \
    .summary = summary_, .more_statuses = std::string_view(__VA_ARGS__)                          \
  }

namespace troupe::http {

/// The name of a reply's type in the document.
template <class Reply>
constexpr std::string_view reply_name() {
#define TROUPE_HTTP_REPLY_NAME(type_) \
  if constexpr (std::is_same_v<Reply, type_>) return #type_;
  TROUPE_HTTP_REPLY_NAME(session_reply)
  TROUPE_HTTP_REPLY_NAME(verify_reply)
  TROUPE_HTTP_REPLY_NAME(user_view)
  TROUPE_HTTP_REPLY_NAME(api_key_view)
  TROUPE_HTTP_REPLY_NAME(api_key_list)
  TROUPE_HTTP_REPLY_NAME(session_list)
  TROUPE_HTTP_REPLY_NAME(user_list)
  TROUPE_HTTP_REPLY_NAME(caps_view)
  TROUPE_HTTP_REPLY_NAME(signing_key_view)
  TROUPE_HTTP_REPLY_NAME(signing_key_list)
  TROUPE_HTTP_REPLY_NAME(organization_view)
  TROUPE_HTTP_REPLY_NAME(organization_list)
  TROUPE_HTTP_REPLY_NAME(member_list)
  TROUPE_HTTP_REPLY_NAME(deleted_reply)
  TROUPE_HTTP_REPLY_NAME(file_view)
  TROUPE_HTTP_REPLY_NAME(file_list)
  TROUPE_HTTP_REPLY_NAME(store_view)
  TROUPE_HTTP_REPLY_NAME(store_list)
  TROUPE_HTTP_REPLY_NAME(store_file_view)
  TROUPE_HTTP_REPLY_NAME(store_file_list)
  TROUPE_HTTP_REPLY_NAME(search_reply)
  TROUPE_HTTP_REPLY_NAME(model_list)
  TROUPE_HTTP_REPLY_NAME(chat_stream_view)
  TROUPE_HTTP_REPLY_NAME(log_page)
  TROUPE_HTTP_REPLY_NAME(topology)
#undef TROUPE_HTTP_REPLY_NAME
  return {};
}

} // namespace troupe::http
