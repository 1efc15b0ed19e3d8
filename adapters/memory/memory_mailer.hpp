#pragma once

#include "actors/ports/mailer.hpp"

#include <memory>
#include <vector>

namespace troupe {

/// A mailer without a server, for tests and demonstrations: it takes every mail that mail_rules
/// let through, answers before send() returns, and keeps the last limits::mails_remembered.
class memory_mailer : public mailer {
public:
  /// What was sent, oldest first. Any thread.
  [[nodiscard]] virtual std::vector<mail> sent() const = 0;
};

[[nodiscard]] std::unique_ptr<memory_mailer> make_memory_mailer();

} // namespace troupe
