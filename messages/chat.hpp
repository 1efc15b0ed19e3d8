#pragma once

#include "messages/base/values.hpp"
#include "messages/limits.hpp"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Messages of the service `prompt`.
namespace troupe {

struct chat_message {
  std::string role;  ///< system, developer, user, assistant, tool, function
  json_text content; ///< a string, an array of parts, or null
  bool operator==(const chat_message&) const = default;
};
BOOST_DESCRIBE_STRUCT(chat_message, (), (role, content))

struct stream_options {
  bool include_usage = false;
  bool operator==(const stream_options&) const = default;
};
BOOST_DESCRIBE_STRUCT(stream_options, (), (include_usage))

/// Troupe's one extension of a chat request.
struct retrieval_options {
  std::vector<std::string> vector_store_ids; ///< at most 16
  std::uint32_t max_num_results = 8;         ///< 1 to 50
  bool operator==(const retrieval_options&) const = default;
};
BOOST_DESCRIBE_STRUCT(retrieval_options, (), (vector_store_ids, max_num_results))

/// What Troupe reads of `POST /v1/chat/completions`; whatever else is there reaches the provider.
struct chat_completion_body {
  std::string model;
  std::vector<chat_message> messages;
  std::optional<bool> stream;
  std::optional<stream_options> stream_options_;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<std::int64_t> n;
  std::optional<std::int64_t> max_tokens;
  std::optional<std::int64_t> max_completion_tokens;
  std::optional<std::int64_t> seed;
  std::optional<std::string> user;
  std::optional<retrieval_options> retrieval;
  std::optional<bool> resumable;
  bool operator==(const chat_completion_body&) const = default;
};
// A trailing underscore is dropped on the wire: the member may not be named like its type.
BOOST_DESCRIBE_STRUCT(chat_completion_body, (),
                      (model, messages, stream, stream_options_, temperature, top_p,
                       presence_penalty, frequency_penalty, n, max_tokens, max_completion_tokens,
                       seed, user, retrieval, resumable))

/// The body of `POST /v1/chat/stream`.
struct chat_stream_body {
  std::string message;
  std::optional<std::string> conversation_id;
  std::optional<std::string> model;
  std::optional<std::vector<std::string>> vector_store_ids; ///< absent: all of the caller's
  std::optional<bool> resumable;
  bool operator==(const chat_stream_body&) const = default;
};
BOOST_DESCRIBE_STRUCT(chat_stream_body, (),
                      (message, conversation_id, model, vector_store_ids, resumable))

/// Which dialect the deltas of a chat are in.
enum class chat_format : std::uint8_t {
  openai = 0, ///< `body` is a chat completion request; deltas are its chunks
  events = 1, ///< `turn` is a /v1/chat/stream request; deltas are `token`, `citation`, `done`
};
BOOST_DESCRIBE_ENUM(chat_format, openai, events)

struct chat_request {
  chat_format format = chat_format::openai;
  std::string model;   ///< events: empty for the configured default
  bool stream = false; ///< events: always true
  bool include_usage = false;
  std::optional<retrieval_options> retrieval;
  json_text body;                       ///< openai: the client's body, unchanged
  std::optional<chat_stream_body> turn; ///< events
  bool resumable = false;               ///< with stream: it outlives its reader for a while
  bool operator==(const chat_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(chat_request, (),
                      (format, model, stream, include_usage, retrieval, body, turn, resumable))

/// Goes on with a resumable stream: what came after the event `after`, then what follows, then its
/// end. Whoever read it before is answered `conflict`. `not_found` when there is no such stream of
/// the caller, in this dialect: it ended over limits::stream_kept_for ago, nobody read it for
/// limits::stream_unread, or the node that had it is gone.
struct resume_chat_request {
  std::string stream;      ///< its id, see stream_id.hpp
  std::uint64_t after = 0; ///< the number of the last event that its client has; 0: none
  chat_format format = chat_format::openai;
  bool operator==(const resume_chat_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(resume_chat_request, (), (stream, after, format))

/// Ends a resumable stream, which a client that goes away does not. What it has said can still be
/// read.
struct stop_chat_request {
  std::string id; ///< of the stream
  bool operator==(const stop_chat_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(stop_chat_request, (), (id))

struct chat_stream_view {
  std::string id;
  std::string object = "chat.stream";
  std::string status;       ///< `completed`, `failed` or `cancelled`
  std::uint64_t events = 0; ///< said so far
  bool operator==(const chat_stream_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(chat_stream_view, (), (id, object, status, events))

/// One server-sent event on its way to the client.
struct chat_delta {
  std::string event; ///< empty: a bare `data:` line (OpenAI's chunks); else the event's name
  json_text data;    ///< of `stream_opened`: empty
  bool operator==(const chat_delta&) const = default;
};
BOOST_DESCRIBE_STRUCT(chat_delta, (), (event, data))

/// The event of a delta that carries nothing yet: the request is admitted and its model has begun,
/// or has been silent for limits::sse_header_delay. The edge sends its headers now: what fails
/// later is an error event, what failed before kept its status.
inline constexpr std::string_view stream_opened = "open";

/// The event of a delta whose data is a rate_limit_list: how the caller's limits stand. It
/// comes first if at all, also before an answer that is not streamed; the edge makes headers of it.
inline constexpr std::string_view rate_limits_event = "rate_limits";

/// The event of a delta whose data is a chat_stream_begin: the stream has an id, and its events
/// are numbered from `after` + 1 on, those of an empty or another name alike. The edge makes `id:`
/// lines of that. Comes before any event of a resumable stream.
inline constexpr std::string_view stream_named = "stream";

struct chat_stream_begin {
  std::string id;
  std::uint64_t after = 0;
  bool operator==(const chat_stream_begin&) const = default;
};
BOOST_DESCRIBE_STRUCT(chat_stream_begin, (), (id, after))

enum class usage_source : std::uint8_t { reported = 0, estimated = 1 };
BOOST_DESCRIBE_ENUM(usage_source, reported, estimated)

struct token_usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t total_tokens = 0;
  bool operator==(const token_usage&) const = default;
};
BOOST_DESCRIBE_STRUCT(token_usage, (), (prompt_tokens, completion_tokens, total_tokens))

/// Ends a chat. Streamed: everything that the client reads has gone out as deltas before.
struct chat_reply {
  std::string id; ///< `chatcmpl-…`
  std::string model;
  json_text body; ///< plain: the whole `chat.completion` object
  std::string finish_reason;
  token_usage usage;
  usage_source source = usage_source::estimated;
  std::string conversation_id; ///< events only
  bool operator==(const chat_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(chat_reply, (),
                      (id, model, body, finish_reason, usage, source, conversation_id))

struct embeddings_request {
  std::string model;
  json_text input; ///< string or array of strings (tokens: provider only)
  std::optional<std::string> encoding_format; ///< `float` (default) or `base64`
  std::optional<std::int64_t> dimensions;
  json_text body; ///< the client's body but for `input`, for a provider; set by the edge
  bool operator==(const embeddings_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(embeddings_request, (), (model, input, encoding_format, dimensions, body))

/// A whole OpenAI-shaped answer as JSON: embeddings, whose vectors are floats or base64.
struct json_reply {
  json_text body;
  std::vector<rate_limit> limits = {}; ///< the caller's, for headers; empty: none
  bool operator==(const json_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(json_reply, (), (body, limits))

struct models_request {
  std::string id; ///< one model, or empty for all
  bool operator==(const models_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(models_request, (), (id))

struct model_view {
  std::string id;
  std::string object = "model";
  std::int64_t created = 0;
  std::string owned_by;
  bool operator==(const model_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(model_view, (), (id, object, created, owned_by))

struct model_list {
  std::string object = "list";
  std::vector<model_view> data;
  bool operator==(const model_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(model_list, (), (object, data))

/// The object that a citation's `file_citation` holds.
struct citation {
  std::string file_id;
  std::string filename;
  std::string quote;
  double score = 0;
  bool operator==(const citation&) const = default;
};
BOOST_DESCRIBE_STRUCT(citation, (), (file_id, filename, quote, score))

/// Deletes the user's conversations with their turns. See TROUPE_INTERNAL_METHODS.
struct purge_conversations_request {
  std::string user; ///< the owner's id
  bool operator==(const purge_conversations_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(purge_conversations_request, (), (user))

/// Between nodes that answer chats: the conversation moved while its chat ran at the asker.
struct keep_turn_request {
  std::string user;
  std::string conversation_id;
  std::string question;
  std::string text; ///< what the model said
  bool operator==(const keep_turn_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(keep_turn_request, (), (user, conversation_id, question, text))

} // namespace troupe
