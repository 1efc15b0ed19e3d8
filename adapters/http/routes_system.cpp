#include "adapters/http/json_route.hpp"
#include "messages/base/metrics.hpp"
#include "messages/codec/chat_json.hpp"

namespace troupe::http {
namespace {

constexpr std::chrono::seconds ready_timeout{2};

void health(http_call& in) {
  in.to->answer(
      {.status = 200,
       .body = R"({"status":"ok","version":)" + chat_json::quoted(in.edge.config.version) + "}",
       .extra = {}});
}

http_answer readiness(const ping_reply& state) {
  return {.status = state.ready ? 200u : 503u, .body = json::encode(state), .extra = {}};
}

void ready(http_call& in) {
  ping_reply own;
  own.ready = in.edge.ready.load();
  if (!own.ready) {
    own.services.push_back({"http", false, in.edge.leaving ? "shutting down" : "starting"});
    return in.to->answer(readiness(own));
  }
  if (in.edge.gates.health == nullptr) return in.to->answer(readiness(own));
  in.context.deadline = std::min(in.context.deadline, in.to->started + ready_timeout);
  in.edge.gates.health->ask(std::move(in.context), ping_request{},
                            reply<ping_reply>([to = in.to](result<ping_reply> state) {
                              if (state) return to->answer(readiness(*state));
                              ping_reply down;
                              down.services.push_back({"router", false, state.error().message});
                              to->answer(readiness(down));
                            }));
}

void show_metrics(http_call& in) {
  in.to->answer({.status = 200,
                 .content_type = "text/plain; version=0.0.4; charset=utf-8",
                 .body = metrics::render(),
                 .extra = {}});
}

void openapi(http_call& in) {
  in.to->answer({.status = 200, .body = in.edge.openapi, .extra = {}});
}

} // namespace

void add_system_routes(std::vector<route>& out) {
  const route lines[] = {
      {.method = "GET",
       .pattern = "/health",
       .run = &health,
       .is_public = true,
       .request_type = {},
       .reply_type = "health_answer",
       .summary = "Say that the process lives",
       .takes_turns = false},
      {.method = "GET",
       .pattern = "/ready",
       .run = &ready,
       .is_public = true,
       .request_type = {},
       .reply_type = "ping_reply",
       .summary = "Ask every role whether it can work",
       .takes_turns = false},
      {.method = "GET",
       .pattern = "/metrics",
       .run = &show_metrics,
       .is_public = true,
       .request_type = {},
       .reply_type = {},
       .reply_media = "text/plain",
       .summary = "Prometheus metrics",
       .takes_turns = false},
      {.method = "GET",
       .pattern = "/openapi.json",
       .run = &openapi,
       .gate = gate_kind::any,
       .is_public = true,
       .request_type = {},
       .reply_type = {},
       .summary = "This document",
       .takes_turns = false},
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http
