#pragma once

#include "adapters/mail/mail_headers.hpp"
#include "adapters/mail/smtp_mailer.hpp"

#include <string>

namespace troupe::smtp {

/// A checked smtp_config, as a session needs it.
struct server {
  std::string url;      ///< without user and password
  std::string host;     ///< with its port, for log lines
  std::string user;     ///< decoded; empty: no AUTH
  std::string password; ///< decoded
  mail_headers::mailbox from;
  smtp_config config; ///< its url is empty
};

/// Errors: those of check_smtp_config().
[[nodiscard]] result<server> read(smtp_config config);

} // namespace troupe::smtp
