#pragma once

#include "actors/ports/request_context.hpp"
#include "actors/ports/stream.hpp"
#include "messages/method_list.hpp"

/// What the HTTP edge may ask: one overload a method of the list, named by its request's type.
/// Implemented by actors/edge on every edge node. All calls return soon and may come from any
/// thread. The reply and a stream's deltas come on any thread, also on the caller's before its call
/// returns (docs/decisions/0008): hold no lock over a call that they take. Errors travel in the
/// reply: `unauthenticated`, `invalid_argument` with param, `not_found`, `unavailable`, … A request
/// that is past its deadline is answered `deadline_exceeded` by the gate, whatever happened to it.
namespace troupe {

#define TROUPE_GATE_ASK(service_, name_, request_, delta_, reply_, class_) \
  virtual void ask(request_context context, request_ request, reply<reply_> answer) = 0;

/// Accounts, sessions, API keys, organisations and what admins do with them.
class account_gate {
public:
  virtual ~account_gate() = default;
  TROUPE_ACCOUNT_METHODS(TROUPE_GATE_ASK)
};

/// Chats and models. A plain chat uses the sink's `end` only.
class chat_gate {
public:
  virtual ~chat_gate() = default;
  virtual std::unique_ptr<stream_control> chat(request_context context, chat_request request,
                                               stream_sink<chat_delta, chat_reply> sink) = 0;
  /// Its deltas, and its end, as chat()'s.
  virtual std::unique_ptr<stream_control> resume(request_context context,
                                                 resume_chat_request request,
                                                 stream_sink<chat_delta, chat_reply> sink) = 0;
  virtual void ask(request_context context, stop_chat_request request,
                   reply<chat_stream_view> answer) = 0;
  virtual void ask(request_context context, embeddings_request request,
                   reply<json_reply> answer) = 0;
  virtual void ask(request_context context, models_request request, reply<model_list> answer) = 0;
};

/// Files and vector stores.
class document_gate {
public:
  virtual ~document_gate() = default;
  /// The bytes come as deltas, in order, under the same credit as a chat's.
  virtual std::unique_ptr<stream_control> content(request_context context,
                                                  file_content_request request,
                                                  stream_sink<file_chunk, file_view> sink) = 0;
  virtual void ask(request_context context, create_file_request request,
                   reply<file_view> answer) = 0;
  virtual void ask(request_context context, list_files_request request,
                   reply<file_list> answer) = 0;
  virtual void ask(request_context context, get_file_request request, reply<file_view> answer) = 0;
  virtual void ask(request_context context, delete_file_request request,
                   reply<deleted_reply> answer) = 0;
  virtual void ask(request_context context, create_store_request request,
                   reply<store_view> answer) = 0;
  virtual void ask(request_context context, list_stores_request request,
                   reply<store_list> answer) = 0;
  virtual void ask(request_context context, get_store_request request,
                   reply<store_view> answer) = 0;
  virtual void ask(request_context context, delete_store_request request,
                   reply<deleted_reply> answer) = 0;
  virtual void ask(request_context context, attach_file_request request,
                   reply<store_file_view> answer) = 0;
  virtual void ask(request_context context, list_store_files_request request,
                   reply<store_file_list> answer) = 0;
  virtual void ask(request_context context, get_store_file_request request,
                   reply<store_file_view> answer) = 0;
  virtual void ask(request_context context, detach_file_request request,
                   reply<deleted_reply> answer) = 0;
  virtual void ask(request_context context, search_request request, reply<search_reply> answer) = 0;
};

/// Central logs.
class log_gate {
public:
  virtual ~log_gate() = default;
  TROUPE_LOG_METHODS(TROUPE_GATE_ASK)
};

/// How the whole stands, for admins.
class cluster_gate {
public:
  virtual ~cluster_gate() = default;
  TROUPE_CLUSTER_METHODS(TROUPE_GATE_ASK)
};

/// Health of the whole: asks every role through the path that requests take.
class health_gate {
public:
  virtual ~health_gate() = default;
  virtual void ask(request_context context, ping_request request, reply<ping_reply> answer) = 0;
};

#undef TROUPE_GATE_ASK

} // namespace troupe
