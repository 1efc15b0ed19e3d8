#pragma once

#include "actors/ports/mailer.hpp"
#include "adapters/mail/mail_headers.hpp"

#include <curl/curl.h>
#include <string>
#include <vector>

namespace troupe::smtp {

/// A mail on its way: what stays the same over its tries.
struct message {
  mail letter;
  std::string id;                 ///< Message-ID without its brackets
  std::chrono::sys_seconds begun; ///< Date
};

/// The header lines, without line end: Date, From, To, Message-ID, Subject and the MIME type.
[[nodiscard]] std::vector<std::string> header_lines(const message& from_us,
                                                    const mail_headers::mailbox& from);

/// The parts, text first, as the least wanted one (RFC 2046, 5.1.4), quoted-printable. The
/// caller's to free with curl_mime_free(), after the transfer. Null when memory is short.
[[nodiscard]] curl_mime* parts_of(const mail& letter, CURL* easy);

} // namespace troupe::smtp
