#pragma once

#include "messages/base/reply.hpp"

#include <future>
#include <memory>
#include <utility>

namespace troupe::test {

/// Calls `ask` with a reply and waits for what it is answered.
template <class T, class Ask>
result<T> wait_for(Ask&& ask) {
  auto promise = std::make_shared<std::promise<result<T>>>();
  auto future = promise->get_future();
  std::forward<Ask>(ask)(
      reply<T>([promise](result<T> value) { promise->set_value(std::move(value)); }));
  return future.get();
}

} // namespace troupe::test
