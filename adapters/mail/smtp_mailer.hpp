#pragma once

#include "actors/ports/mailer.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/result.hpp"
#include "messages/base/values.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe {

/// What to do about TLS on an smtp:// connection; smtps:// is TLS from its first byte.
enum class starttls : std::uint8_t {
  required, ///< no mail leaves without it
  optional, ///< when the server offers it; whoever sits between can take the offer away
  none,
};

struct smtp_config {
  /// smtp://[user:password@]host[:port][/name] or smtps://…; user and password percent-encoded;
  /// `name` is what EHLO says (else the machine's name). Ports: 25 and 465 unless named; what most
  /// providers want is 587.
  secret url;
  starttls tls = starttls::required;
  std::string from;    ///< `address` or `Name <address>`
  std::string ca_file; ///< PEM: the only authorities to trust; empty: the system's
  std::chrono::milliseconds timeout{10'000};   ///< of one try, connecting included; 1 s to 5 min
  std::chrono::milliseconds retry_wait{1'000}; ///< before the first retry, doubled for each next
  std::chrono::milliseconds patience = limits::mail_patience; ///< for all tries of a mail
};

/// Errors: `invalid_argument`; `param` is the member, the message says what is wrong with it and
/// never repeats the URL. A password is not sent without TLS but to a loopback address.
[[nodiscard]] result<void> check_smtp_config(const smtp_config& config);

/// A mailer over SMTP with one connection, kept open between mails, on a thread of its own.
/// Destroying it closes the connection at once and ends what waits with `cancelled`; not from a
/// reply. Errors: those of check_smtp_config().
[[nodiscard]] result<std::unique_ptr<mailer>> make_smtp_mailer(smtp_config config);

} // namespace troupe
