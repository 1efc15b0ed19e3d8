#include "adapters/http/client_address.hpp"
#include "adapters/http/connection.hpp"
#include "adapters/http/supabase_errors.hpp"
#include "adapters/http/target.hpp"
#include "adapters/http/worker.hpp"
#include "messages/base/log.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <exception>
#include <vector>

namespace troupe::http {

namespace net = boost::asio;
namespace beast_http = boost::beast::http;

namespace {

constexpr std::size_t body_kept_bytes = 64u << 10; // of a refused request, to keep its connection
constexpr std::size_t credential_bytes_max = 8192;

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

bool starts_with_word(std::string_view text, std::string_view word) noexcept {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word,
                            [](char a, char b) { return (a | 32) == b; });
}

std::string_view bearer_of(std::string_view authorization) noexcept {
  if (!starts_with_word(authorization, "bearer") || authorization.size() < 8 ||
      authorization[6] != ' ')
    return {};
  auto token = authorization.substr(7);
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token.size() <= credential_bytes_max ? token : std::string_view();
}

bool is_preflight(const beast_http::fields& head, beast_http::verb method) noexcept {
  return method == beast_http::verb::options && head.count(beast_http::field::origin) != 0 &&
         head.count(beast_http::field::access_control_request_method) != 0;
}

// All lines of one header, in their order.
template <class Range>
std::vector<std::string_view> values_of(const Range& lines) {
  std::vector<std::string_view> out;
  for (auto at = lines.first; at != lines.second; ++at) out.push_back(view(at->value()));
  return out;
}

// W3C trace context, version 00: ids of hex digits, not all zero.
bool valid_traceparent(std::string_view text) noexcept {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-')
    return false;
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const auto trace = text.substr(3, 32), span = text.substr(36, 16);
  return std::ranges::all_of(trace, hex) && std::ranges::all_of(span, hex) &&
         std::ranges::all_of(text.substr(53), hex) &&
         trace.find_first_not_of('0') != std::string_view::npos &&
         span.find_first_not_of('0') != std::string_view::npos;
}

} // namespace

// From the header alone: is there such a route, may anybody ask?
void connection::judge(const route_match& match) {
  const auto& head = parser_->get();
  if (!http_1_0_ && head.count(beast_http::field::host) != 1) {
    early_ = make_error(errc::invalid_argument, "the request needs one Host header");
    keep_alive_ = false;
  } else if (match.malformed) {
    early_ = make_error(errc::invalid_argument, "the path has a malformed percent escape");
  } else if (match.found == nullptr && match.allow.empty()) {
    early_ = make_error(errc::not_found, "there is no such route");
  } else if (is_preflight(head, head.method()) && edge_.cors.is_on()) {
    begin_preflight(view(head[beast_http::field::origin]), match.allow);
  } else if (match.found == nullptr) {
    early_ = make_error(errc::method_not_allowed, "the route takes " + match.allow);
    early_extra_ = "Allow: " + match.allow + "\r\n";
  } else if (!match.found->is_public &&
             bearer_of(view(head[beast_http::field::authorization])).empty()) {
    early_ = make_error(errc::unauthenticated, "send an API key or an access token as bearer");
    early_->reason = "missing_credential";
    early_extra_ = "WWW-Authenticate: Bearer\r\n";
  }
}

void connection::begin_preflight(std::string_view origin, const std::string& methods) {
  if (!edge_.cors.allows(origin)) {
    early_ = make_error(errc::forbidden, "pages of this origin may not ask: http.cors_origins");
    early_->reason = "origin_not_allowed";
    return;
  }
  const auto& head = parser_->get();
  preflight_ = true;
  early_extra_ =
      preflight_lines(methods, view(head[beast_http::field::access_control_request_headers]));
}

// The decision, and whether the body is wanted for it.
void connection::admit(route_match match) {
  const auto& head = parser_->get();
  judge(match);
  route_ = match.found;
  error_words_ = route_ != nullptr && route_->errors == error_form::gotrue &&
                 wants_error_words(view(head["X-Supabase-Api-Version"]));
  path_ = std::move(match.path);
  const auto length = parser_->content_length();
  const bool waits = starts_with_word(view(head[beast_http::field::expect]), "100-continue") &&
                     !http_1_0_ && !parser_->is_done();
  if (!early_ && length && !has_room(*length)) early_ = too_much_held();
  if (early_) {
    // A small body is read, so that the connection can stay; for a large one it is not worth it.
    if (waits || parser_->chunked() || (length && *length > body_kept_bytes)) {
      keep_alive_ = false;
      refuse(std::move(*early_), std::move(early_extra_));
    }
    return;
  }
  if (waits) stream_.interject("HTTP/1.1 100 Continue\r\n\r\n");
}

void connection::dispatch() {
  phase_ = phase::running;
  if (early_) return refuse(std::move(*early_), std::move(early_extra_));
  if (preflight_)
    return respond(
        {.status = 204, .content_type = {}, .body = {}, .extra = std::move(early_extra_)});
  route_->takes_turns ? take_turn() : work();
}

// Who has shown no credential is known by its address.
void connection::take_turn() {
  const auto& head = parser_->get();
  const auto token = bearer_of(view(head[beast_http::field::authorization]));
  auto turn = home_.turns().take(token.empty() ? client_of(head) : std::string(token),
                                 [weak = weak_from_this()] {
                                   const auto self = weak.lock();
                                   if (!self) return;
                                   net::post(self->home_.context(), [self] { self->on_turn(); });
                                 });
  if (!turn) {
    auto why = make_error(errc::rate_limited, "too many requests of this caller wait");
    why.reason = "too_many_waiting";
    why.retry_after_ms = 1000;
    return refuse(not_begun(std::move(why)));
  }
  turn_ = std::move(*turn);
  is_turn_awaited_ = !turn_.is_running();
  if (!is_turn_awaited_) work();
}

// The request that waited may have been ended meanwhile, and another one have come.
void connection::on_turn() {
  if (is_turn_awaited_ && turn_.is_running()) work();
}

void connection::work() {
  is_turn_awaited_ = false;
  auto message = parser_->release();
  auto query = query_of(view(message.target()));
  if (!query) return refuse(std::move(query.error()));
  http_call call{edge_,
                 current_,
                 std::move(message.body()),
                 std::string(message[beast_http::field::content_type]),
                 std::move(*query),
                 std::move(path_),
                 std::string(message["Last-Event-ID"]),
                 {}};
  call.context.credential = bearer_of(view(message[beast_http::field::authorization]));
  call.context.request_id = current_->request_id;
  if (const auto trace = view(message["traceparent"]); valid_traceparent(trace))
    call.context.traceparent = trace;
  call.context.client_address = client_of(message);
  call.context.deadline = current_->started + limits::request_timeout;
  run_handler(call);
}

std::string connection::client_of(const head_fields& head) const {
  if (!is_trusted(peer_, edge_.trusted_proxies)) return peer_text_;
  const auto by = head.equal_range("X-Forwarded-For");
  const auto as = head.equal_range(beast_http::field::forwarded);
  return to_string(client_address(peer_, edge_.trusted_proxies, values_of(by), values_of(as)));
}

void connection::run_handler(http_call& call) {
  try {
    route_->run(call);
  } catch (const std::exception& e) {
    log::error("http.route_threw", {{"route", route_->pattern}, {"what", e.what()}});
    current_->fail(make_error(errc::internal, "the request could not be worked on"));
  }
}

} // namespace troupe::http
