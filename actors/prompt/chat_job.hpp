#pragma once

#include "actors/ports/lease_store.hpp"
#include "actors/ports/llm_provider.hpp"
#include "actors/prompt/chat_meter.hpp"
#include "actors/prompt/chat_stream.hpp"
#include "actors/protocols.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// The call that a chat's deltas and its end go to.
struct chat_reader {
  call_id cid;
  stream_consumer consumer;
  answer<chat_reply> a; ///< empty: nobody reads
  std::uint64_t seq = 0;
};

/// One running chat: what came in, what has gone out, and what waits for credit.
struct chat_job {
  op_context op;
  chat_request request;
  chat_reader reader;
  op_context::clock::time_point began = op_context::clock::now();

  std::int64_t asked_tokens = 0; ///< of a completion's body, estimated
  std::string model;
  std::string question;               ///< the last user message
  std::vector<chat_json::turn> turns; ///< events: the context, with the new message
  std::string conversation_id;        ///< events
  std::optional<lease_fence> place;   ///< of the conversation, where it may be another node's
  std::vector<search_hit> hits;
  std::vector<citation> cited;
  bool searched = false;
  bool is_admitted = true; ///< false while its caller's limits are asked for, and when they refuse
  chat_meter meter;        ///< of a limited caller
  std::optional<error> refusal; ///< nothing more was reserved for it
  bool is_called = false;       ///< a provider was
  bool is_answered = false;     ///< the model has begun
  bool is_said = false;         ///< the model has ended
  bool is_purged = false; ///< all of its user's is deleted: it leaves neither turns nor a record

  std::unique_ptr<llm_call> upstream;
  chat_json::identity identity;
  std::string text;          ///< generated until now
  std::int64_t wordless = 0; ///< chunks without text: calls of tools, thoughts; a token each
  std::string finish_reason;
  std::optional<token_usage> reported;
  bool citations_sent = false;

  // the stream
  bool opened = false; ///< its first delta is on its way
  chat_stream said;    ///< bounded by the window: a provider gets credit as it empties
  std::optional<outcome<chat_reply>> ending; ///< goes out when that is empty
  // of a resumable one
  std::uint32_t unread = 0;               ///< the provider's chunks for which it gets credit yet
  std::uint32_t readings = 0;             ///< how often a reader came or went
  std::size_t counted_bytes = 0;          ///< of what it keeps, in its node's sum
  std::optional<outcome<chat_reply>> how; ///< it has ended

  bool is_kept = false; ///< its turn is in the conversation

  /// All that only a running chat needs.
  void forget_question();
  [[nodiscard]] bool events() const noexcept { return request.format == chat_format::events; }
  [[nodiscard]] token_usage usage() const;
  /// What the model has said, estimated.
  [[nodiscard]] std::int64_t answer_tokens() const noexcept {
    return chat_json::estimate_tokens(text) + wordless;
  }
  [[nodiscard]] usage_source source() const noexcept {
    return reported ? usage_source::reported : usage_source::estimated;
  }
};

using job_ptr = std::shared_ptr<chat_job>;

/// The passages as text for a model, numbered, with their files' names.
[[nodiscard]] std::string context_of(const std::vector<search_hit>& hits);

/// Every passage as a citation with a short quote.
[[nodiscard]] std::vector<citation> citations_of(const std::vector<search_hit>& hits);

/// The usage record of a chat that ended with `status` (`ok`, or an error's name).
[[nodiscard]] log_input usage_record(const chat_job& job, std::string_view status);

} // namespace troupe
