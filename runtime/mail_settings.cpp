#include "runtime/mail_settings.hpp"

namespace troupe {

bool sends_mail(const config& in) noexcept {
  return !in.mail.smtp_url.value.empty();
}

smtp_config smtp_settings(const config& in) {
  smtp_config out;
  out.url = in.mail.smtp_url;
  out.from = in.mail.from;
  out.tls = in.mail.starttls == "none"       ? starttls::none
            : in.mail.starttls == "optional" ? starttls::optional
                                             : starttls::required;
  return out;
}

} // namespace troupe
