#pragma once

#include "messages/base/result.hpp"

#include <functional>
#include <utility>

namespace troupe {

/// A move-only callback that is answered exactly once, on any thread. Whoever creates it makes the
/// hop back to its own thread. Destroyed unanswered it answers `errc::dropped`, so that no
/// requester waits for ever.
template <class T>
class [[nodiscard]] reply {
public:
  using function = std::move_only_function<void(result<T>)>;

  reply() = default;
  explicit reply(function answer) : answer_(std::move(answer)) {}
  reply(reply&& other) noexcept : answer_(std::exchange(other.answer_, nullptr)) {}
  reply& operator=(reply&& other) noexcept {
    if (this != &other) {
      drop();
      answer_ = std::exchange(other.answer_, nullptr);
    }
    return *this;
  }
  ~reply() { drop(); }

  /// Answers. A second call does nothing.
  void operator()(result<T> value) {
    if (auto answer = std::exchange(answer_, nullptr)) answer(std::move(value));
  }

  /// Answers with an error.
  void fail(error reason) { (*this)(result<T>(std::unexpected(std::move(reason)))); }

  explicit operator bool() const noexcept { return static_cast<bool>(answer_); }

private:
  void drop() {
    if (answer_) fail(make_error(errc::dropped, "the request was dropped unanswered"));
  }

  function answer_;
};

/// The value of a reply that says only "done".
struct done {
  bool operator==(const done&) const = default;
};
BOOST_DESCRIBE_STRUCT(done, (), ())

} // namespace troupe
