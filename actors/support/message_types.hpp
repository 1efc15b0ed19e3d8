#pragma once

#include "messages/base/op_context.hpp"
#include "messages/base/result.hpp"
#include "messages/method_list.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <expected>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>

/// What actors send each other inside a process. CAF never serialises these: bytes exist only where
/// actors/bridge meets the bus.
namespace troupe {

template <class Reply>
using outcome = result<Reply>;

/// One delta of a stream on its way to the consumer; `seq` rises from 1 without gap.
template <class Delta>
struct stream_item {
  call_id cid;
  std::uint64_t seq = 0;
  Delta delta;
};

/// From the consumer to the producer: more credit, or stop.
struct stream_signal {
  call_id cid;
  std::string_view service; ///< of the method, so that a router knows where to send it on; static
  bool cancel = false;
  std::uint64_t acked_seq = 0;
  std::uint32_t frames = 0;
  std::uint32_t bytes = 0;
};

/// Whoever asks for a stream takes these.
using stream_consumer = caf::typed_actor<caf::reacts_to<stream_item<chat_delta>>,
                                         caf::reacts_to<stream_item<file_chunk>>>;

/// A request with what travels beside it.
template <class Request>
struct call {
  op_context op;
  Request body;
  stream_consumer consumer = {}; ///< streamed methods only

  using request_type = Request;
};

/// Work that comes back to an actor from a port, a timer or a gate: run inside the actor.
struct self_task {
  std::shared_ptr<std::move_only_function<void()>> run;
};

template <class F>
[[nodiscard]] self_task make_task(F&& work) {
  return {std::make_shared<std::move_only_function<void()>>(std::forward<F>(work))};
}

} // namespace troupe

namespace caf {

template <class Request>
struct allowed_unsafe_message_type<troupe::call<Request>> : std::true_type {};
template <class Reply>
struct allowed_unsafe_message_type<std::expected<Reply, troupe::error>> : std::true_type {};
template <class Delta>
struct allowed_unsafe_message_type<troupe::stream_item<Delta>> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::stream_signal> : std::true_type {};
template <>
struct allowed_unsafe_message_type<troupe::self_task> : std::true_type {};

} // namespace caf
