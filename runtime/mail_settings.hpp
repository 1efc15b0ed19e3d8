#pragma once

#include "adapters/mail/smtp_mailer.hpp"
#include "runtime/config.hpp"

namespace troupe {

/// Whether mails are sent at all: mail.smtp_url is set.
[[nodiscard]] bool sends_mail(const config& in) noexcept;

/// The settings `mail.*` for make_smtp_mailer().
[[nodiscard]] smtp_config smtp_settings(const config& in);

} // namespace troupe
