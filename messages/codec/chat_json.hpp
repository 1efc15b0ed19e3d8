#pragma once

#include "messages/base/result.hpp"
#include "messages/chat.hpp"
#include "messages/codec/json_text.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Pure functions on the free-form JSON of chats: what stays raw in the messages is read and made
/// here.
namespace troupe::chat_json {

/// A turn as text: a content of parts is the concatenation of its text parts.
struct turn {
  std::string role;
  std::string text;
};

/// The turns of a chat request's body. Errors name the field.
[[nodiscard]] result<std::vector<turn>> turns_of(const json_text& body);

/// The body for a provider: `retrieval` removed and, if `context` is not empty, a system message
/// with it before the last user message. Everything else is kept as it was.
[[nodiscard]] json_text with_context(const json_text& body, std::string_view context);

/// A fresh request body: model, messages, stream.
[[nodiscard]] json_text make_body(std::string_view model, const std::vector<turn>& turns,
                                  bool stream);

/// What Troupe reads of a `chat.completion` or `chat.completion.chunk`.
struct facts {
  bool valid = false;    ///< the JSON parsed and is an object
  bool is_error = false; ///< a top-level `error`
  std::string error_message;
  std::string id;
  std::string model;
  std::int64_t created = 0;
  std::string text; ///< choices[0].delta.content or .message.content
  std::string finish_reason;
  bool has_choices = false;
  std::optional<token_usage> usage;
};
[[nodiscard]] facts read(const json_text& object);

/// `annotations` added to choices[0].message of a `chat.completion`.
[[nodiscard]] json_text with_annotations(const json_text& completion,
                                         const std::vector<citation>& cited);

/// Identity of one completion: the same on all its chunks.
struct identity {
  std::string id;
  std::string model;
  std::int64_t created = 0;
};

[[nodiscard]] json_text completion(const identity& who, std::string_view text,
                                   std::string_view finish_reason, const token_usage& usage,
                                   const std::vector<citation>& cited);
/// A chunk with `role` (first one), with text, with annotations, or with a finish reason.
[[nodiscard]] json_text role_chunk(const identity& who, bool usage_null);
[[nodiscard]] json_text text_chunk(const identity& who, std::string_view text, bool usage_null);
[[nodiscard]] json_text citation_chunk(const identity& who, const std::vector<citation>& cited,
                                       bool usage_null);
[[nodiscard]] json_text finish_chunk(const identity& who, std::string_view finish_reason,
                                     bool usage_null);
/// The last chunk of a stream with include_usage: no choices, filled usage.
[[nodiscard]] json_text usage_chunk(const identity& who, const token_usage& usage);

/// Events of /v1/chat/stream.
[[nodiscard]] json_text token_event(std::string_view text);
[[nodiscard]] json_text citation_event(const citation& cited);
[[nodiscard]] json_text done_event(std::string_view conversation_id, const token_usage& usage,
                                   std::string_view finish_reason);

/// A string or an array of strings (embeddings' input, a search's query). Errors name `param`.
[[nodiscard]] result<std::vector<std::string>> strings_of(const json_text& value,
                                                          std::string_view param);

/// `text` as a JSON string.
[[nodiscard]] std::string quoted(std::string_view text);

/// OpenAI's embeddings list; base64 of little-endian float32, or floats.
[[nodiscard]] json_text embeddings(std::string_view model,
                                   const std::vector<std::vector<float>>& vectors, bool base64,
                                   std::int64_t tokens);

/// The models of a provider's `GET /models` answer.
[[nodiscard]] result<std::vector<model_view>> models_of(const json_text& list);

/// RFC 7396 on two objects. Errors: `invalid_argument` when `patch` is not an object.
[[nodiscard]] result<json_text> merge_patch(const json_text& target, const json_text& patch);

/// An object made of string and integer fields: attributes of log records.
class object_builder {
public:
  object_builder& add(std::string_view name, std::string_view value);
  object_builder& add(std::string_view name, std::int64_t value);
  [[nodiscard]] json_text build() const;

private:
  std::string text_;
};

/// What a field of an object is; `absent` also when it is null.
[[nodiscard]] json_kind kind_of_field(const json_text& object, std::string_view name);
/// A field of an object as a string or number; nothing when absent or of another type.
[[nodiscard]] std::optional<std::string> string_field(const json_text& object,
                                                      std::string_view name);
[[nodiscard]] std::optional<double> number_field(const json_text& object, std::string_view name);

/// The strings of a field, which may be one or an array; none when absent or of another type.
[[nodiscard]] std::vector<std::string> strings_field(const json_text& object,
                                                     std::string_view name);
/// Whether a field is true; some write it as a string.
[[nodiscard]] bool is_true_field(const json_text& object, std::string_view name);

/// The error of a provider's answer: its own message, type, param and code where it gives them,
/// with `status` kept (429, 400, 500 …; the API key's own 401 and 403 become `upstream_failed`).
[[nodiscard]] error provider_error(int status, std::string_view body);

/// An estimate of tokens where a provider reported none: bytes / 4, at least 1 for a text.
[[nodiscard]] std::int64_t estimate_tokens(std::string_view text) noexcept;

} // namespace troupe::chat_json
