#pragma once

#include "messages/base/reply.hpp"

#include <gtest/gtest.h>
#include <future>
#include <stdexcept>
#include <string>
#include <utility>

/// How a test asks a port and looks at the answer.
namespace troupe::test {

/// Calls a port and waits for its answer: `call` gets the reply to pass on.
template <class T, class F>
result<T> ask(F call) {
  std::promise<result<T>> promise;
  auto answer = promise.get_future();
  call(reply<T>(
      [promise = std::move(promise)](result<T> r) mutable { promise.set_value(std::move(r)); }));
  return answer.get();
}

/// The value of a result, or a failed test.
template <class T>
T value_of(result<T> r) {
  if (!r) throw std::runtime_error("unexpected error: " + r.error().message);
  return std::move(*r);
}

template <class T>
::testing::AssertionResult fails_with(const result<T>& r, errc code,
                                      const std::string& param = {}) {
  if (r) return ::testing::AssertionFailure() << "it succeeded";
  if (r.error().code != code || r.error().param != param)
    return ::testing::AssertionFailure()
           << to_string(r.error().code) << " (" << r.error().param << "): " << r.error().message;
  return ::testing::AssertionSuccess();
}

} // namespace troupe::test
