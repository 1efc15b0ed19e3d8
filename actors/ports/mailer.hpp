#pragma once

#include "messages/base/reply.hpp"

#include <boost/describe/class.hpp>
#include <string>

namespace troupe {

/// One mail to one person, in UTF-8; lines may end in LF or CRLF.
struct mail {
  std::string to;      ///< an ASCII address: `user@host.example`, no display name
  std::string subject; ///< one line, up to limits::mail_subject_bytes
  std::string text;    ///< up to limits::mail_body_bytes
  std::string html;    ///< the same in HTML, so bounded too; empty: the mail is text only

  bool operator==(const mail&) const = default;
};
BOOST_DESCRIBE_STRUCT(mail, (), (to, subject, text, html))

/// Sends mails, in any order. A reply means that the mail server took the mail over, which says
/// nothing about the recipient's mailbox; a connection that breaks at the wrong moment may deliver
/// it twice (with the same Message-ID). Any thread; replies come on a thread of the adapter or
/// before send() returns. Errors: `invalid_argument` (mail_rules.hpp), `overloaded`
/// (limits::mail_queue mails wait), `upstream_failed` (the server refuses it, now and later),
/// `unavailable` or `deadline_exceeded` (not sent within its retries and limits::mail_patience),
/// `cancelled` (the adapter ends).
class mailer {
public:
  virtual ~mailer() = default;
  virtual void send(mail letter, reply<done> answer) = 0;
};

} // namespace troupe
