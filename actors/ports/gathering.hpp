#pragma once

#include "messages/base/reply.hpp"

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

namespace troupe {

/// One answer made of those of several parts: at the last one it is given. Thread-safe.
template <class Value>
class gathering {
public:
  /// `parts`: at least 1. `value`: what the parts are added to.
  gathering(std::size_t parts, Value value, reply<Value> answer)
      : waiting_(parts), value_(std::move(value)), answer_(std::move(answer)) {}

  /// Adds a part by `add(value, part)`; the first error is that of all.
  template <class Part, class Add>
  void take(result<Part> part, Add add) {
    std::unique_lock lock(mutex_);
    if (part)
      add(value_, *part);
    else if (!failed_)
      failed_ = std::move(part.error());
    if (--waiting_ > 0) return;
    lock.unlock(); // this was the last one
    if (failed_) return answer_.fail(std::move(*failed_));
    answer_(std::move(value_));
  }

private:
  std::mutex mutex_;
  std::size_t waiting_;
  Value value_;
  reply<Value> answer_;
  std::optional<error> failed_;
};

} // namespace troupe
