#include "adapters/http/json_route.hpp"
#include "adapters/http/rate_limit_lines.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/stream_id.hpp"
#include "messages/validate.hpp"

namespace troupe::http {
namespace {

void add_limits(exchange& to, const json_text& list) {
  if (const auto limits = json::decode<rate_limit_list>(list.raw))
    to.add_head_lines(rate_limit_lines(limits->data), list.raw.size());
}

void name_stream(exchange& of, const json_text& begin) {
  if (auto named = json::decode<chat_stream_begin>(begin.raw))
    of.name_stream(std::move(named->id), named->after, begin.raw.size());
}

stream_sink<chat_delta, chat_reply> sink_of(http_call& in, bool streamed, chat_format format) {
  in.context.deadline = in.to->started + limits::chat_timeout;
  if (streamed)
    in.to->begin_stream(format == chat_format::openai ? stream_kind::openai : stream_kind::events);
  stream_sink<chat_delta, chat_reply> sink;
  sink.delta = [to = in.to](chat_delta piece) {
    if (piece.event == rate_limits_event)
      add_limits(*to, piece.data);
    else if (piece.event == stream_named)
      name_stream(*to, piece.data);
    else if (piece.event == stream_opened)
      to->open_stream();
    else
      to->event(piece.event, piece.data.raw);
  };
  sink.end = reply<chat_reply>([to = in.to, streamed](result<chat_reply> value) {
    if (!value)
      to->fail(std::move(value.error()));
    else if (streamed)
      to->end_stream();
    else
      to->answer({.status = 200, .body = std::move(value->body.raw), .extra = {}});
  });
  return sink;
}

void ask_chat(http_call& in, chat_request request) {
  auto sink = sink_of(in, request.stream, request.format);
  in.to->hold(
      in.edge.gates.chats->chat(std::move(in.context), std::move(request), std::move(sink)));
}

/// A client that comes back says what it saw last, as server-sent events have it; whatever it asks
/// beside that was asked before.
void resume(http_call& in, chat_format format) {
  auto seen = event_id_of(in.last_event_id);
  if (!seen)
    return in.to->fail(make_error(errc::invalid_argument,
                                  "Last-Event-ID is not the id of an event of a resumable stream",
                                  "Last-Event-ID"));
  auto sink = sink_of(in, true, format);
  in.to->hold(in.edge.gates.chats->resume(
      std::move(in.context), {std::move(seen->stream), seen->number, format}, std::move(sink)));
}

void completions(http_call& in) {
  if (!in.last_event_id.empty()) return resume(in, chat_format::openai);
  auto body = json::decode<chat_completion_body>(in.body);
  if (!body) return in.to->fail(std::move(body.error()));
  if (auto valid = validate(*body); !valid) return in.to->fail(std::move(valid.error()));
  chat_request request;
  request.format = chat_format::openai;
  request.model = std::move(body->model);
  request.stream = body->stream.value_or(false);
  request.include_usage = body->stream_options_ && body->stream_options_->include_usage;
  request.retrieval = std::move(body->retrieval);
  request.resumable = body->resumable.value_or(false);
  request.body.raw = std::move(in.body);
  if (body->resumable) {
    request.body = without(request.body, "resumable");
    if (auto valid = validate(request); !valid) return in.to->fail(std::move(valid.error()));
  }
  ask_chat(in, std::move(request));
}

void resumed_stream(http_call& in) {
  resume(in, chat_format::events);
}

void stream(http_call& in) {
  if (!in.last_event_id.empty()) return resumed_stream(in);
  auto turn = json::decode<chat_stream_body>(in.body);
  if (!turn) return in.to->fail(std::move(turn.error()));
  chat_request request;
  request.format = chat_format::events;
  request.stream = true;
  request.model = turn->model.value_or("");
  request.resumable = turn->resumable.value_or(false);
  request.turn = std::move(*turn);
  if (auto valid = validate(request); !valid) return in.to->fail(std::move(valid.error()));
  ask_chat(in, std::move(request));
}

void one_model(http_call& in) {
  auto request = request_of<models_request>(in, body_kind::none);
  if (!request) return in.to->fail(std::move(request.error()));
  in.edge.gates.chats->ask(
      std::move(in.context), std::move(*request),
      reply<model_list>([to = in.to](result<model_list> value) {
        if (!value) return to->fail(std::move(value.error()));
        if (value->data.empty()) {
          auto why = make_error(errc::not_found, "there is no such model", "model");
          why.reason = "model_not_found";
          return to->fail(std::move(why));
        }
        to->answer({.status = 200, .body = json::encode(value->data.front()), .extra = {}});
      }));
}

void embeddings(http_call& in) {
  auto request = json::decode<embeddings_request>(in.body);
  if (!request) return in.to->fail(std::move(request.error()));
  request->body = without(json_text{std::move(in.body)}, "input"); // a message holds the input once
  in.edge.gates.chats->ask(std::move(in.context), std::move(*request),
                           answer_with<json_reply>(in.to, 200));
}

} // namespace

void add_chat_routes(std::vector<route>& out) {
  const route lines[] = {
      {.method = "POST",
       .pattern = "/v1/chat/completions",
       .run = &completions,
       .gate = gate_kind::chats,
       .body = body_kind::json,
       .request_type = "chat_completion_body",
       .reply_type = "chat_completion",
       .summary = "Answer a chat, whole or as server-sent events (stream: true)",
       .events = "message:chat_completion_chunk error:error_answer",
       .more_statuses = "404 429",
       .takes_turns = false},
      {.method = "POST",
       .pattern = "/v1/chat/stream",
       .run = &stream,
       .gate = gate_kind::chats,
       .body = body_kind::json,
       .request_type = "chat_stream_body",
       .reply_type = {},
       .reply_media = "text/event-stream",
       .summary = "Answer a message of a conversation: events token, citation, done, error",
       .events = "token:chat_token_event citation:citation done:chat_done_event error:error_answer",
       .more_statuses = "404 429",
       .takes_turns = false},
      {.method = "GET",
       .pattern = "/v1/chat/stream",
       .run = &resumed_stream,
       .gate = gate_kind::chats,
       .request_type = {},
       .reply_type = {},
       .reply_media = "text/event-stream",
       .summary = "Continue a resumable stream behind the event of the header Last-Event-ID",
       .events = "token:chat_token_event citation:citation done:chat_done_event error:error_answer",
       .more_statuses = "404 409",
       .takes_turns = false},
      {.method = "POST",
       .pattern = "/v1/chat/stream/{id}/cancel",
       .run = &run_json<&http_gates::chats, stop_chat_request>,
       .gate = gate_kind::chats,
       .request_type = "stop_chat_request",
       .reply_type = "chat_stream_view",
       .summary = "Stop a resumable stream",
       .more_statuses = "404",
       .takes_turns = false},
      TROUPE_HTTP_ROUTE("GET", "/v1/models", chats, none, 200, models_request, false,
                        "List models"),
      {.method = "GET",
       .pattern = "/v1/models/{id...}",
       .run = &one_model,
       .gate = gate_kind::chats,
       .request_type = "models_request",
       .reply_type = "model_view",
       .summary = "Show a model"},
      {.method = "POST",
       .pattern = "/v1/embeddings",
       .run = &embeddings,
       .gate = gate_kind::chats,
       .body = body_kind::json,
       .request_type = "embeddings_request",
       .reply_type = "embedding_list",
       .summary = "Embed texts, as base64 or floats",
       .more_statuses = "404 429",
       .takes_turns = false},
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http
