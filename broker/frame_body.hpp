#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::wire {

/// The second frame of a message, which a broker forwards unread. The driver decides what holds the
/// bytes: a string, or a message of its transport.
class frame_body {
public:
  virtual ~frame_body() = default;
  [[nodiscard]] virtual std::string_view bytes() const noexcept = 0;
};
/// Null is an empty body.
using body_ptr = std::shared_ptr<frame_body>;

class string_body final : public frame_body {
public:
  explicit string_body(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::string_view bytes() const noexcept override { return bytes_; }
  /// For a driver that is the last owner.
  [[nodiscard]] std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

[[nodiscard]] inline body_ptr make_body(std::string bytes) {
  return std::make_shared<string_body>(std::move(bytes));
}
[[nodiscard]] inline std::string_view bytes_of(const body_ptr& body) noexcept {
  return body ? body->bytes() : std::string_view();
}

} // namespace troupe::wire
