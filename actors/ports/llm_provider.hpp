#pragma once

#include "messages/base/reply.hpp"
#include "messages/base/values.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

/// What a provider's call tells, in this order: `accepted` at most once (its status is 2xx), then
/// chunks, then `end` exactly once. On the adapter's loop; callbacks
/// may work there for a moment.
struct llm_sink {
  std::move_only_function<void()> accepted;
  /// Streamed: one `chat.completion.chunk` as raw JSON, without `[DONE]`.
  std::move_only_function<void(json_text chunk)> chunk;
  /// Plain: the `chat.completion`. Streamed: empty, only after `[DONE]` or a clean end that
  /// followed a finish_reason. Errors: a provider's own status and message kept (`error::status`),
  /// `upstream_failed` when it broke off, timed out or sent no JSON, `cancelled`.
  reply<json_text> end;
};

/// A running call. Thread-safe. Destroying it cancels.
class llm_call {
public:
  virtual ~llm_call() = default;
  /// Streamed: lets `chunks` more through; with none left the provider's socket is not read, so
  /// that its own back-pressure works. The initial credit is limits::stream_window_frames.
  virtual void grant(std::uint32_t chunks) = 0;
  /// Closes the provider's connection at once (well inside 50 ms).
  virtual void cancel() = 0;
};

/// An OpenAI-compatible model provider. Calls past limits::upstream_calls are `overloaded`.
class llm_provider {
public:
  virtual ~llm_provider() = default;
  /// POST {base}/chat/completions with `body` unchanged.
  [[nodiscard]] virtual std::unique_ptr<llm_call> chat(
      json_text body, bool stream, std::chrono::steady_clock::time_point deadline,
      std::string traceparent, llm_sink sink) = 0;
  /// POST {base}/embeddings.
  virtual void embeddings(json_text body, std::chrono::steady_clock::time_point deadline,
                          reply<json_text> answer) = 0;
  /// GET {base}/models.
  virtual void models(std::chrono::steady_clock::time_point deadline, reply<json_text> answer) = 0;
};

} // namespace troupe
