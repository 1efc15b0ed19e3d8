#pragma once

#include "messages/base/reply.hpp"

#include <mutex>

namespace troupe::memory {

/// Does `work` (`result<T>()`) under the lock and answers without it: a reply may call the store.
template <class T, class F>
void answer_after(std::mutex& mutex, reply<T>& answer, F work) {
  auto outcome = [&]() -> result<T> {
    const std::lock_guard lock(mutex);
    return work();
  }();
  answer(std::move(outcome));
}

} // namespace troupe::memory
