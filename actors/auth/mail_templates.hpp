#pragma once

#include "actors/ports/mailer.hpp"
#include "messages/base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Why a mail goes to a user.
enum class mail_kind : std::uint8_t { confirm_signup, recovery, magic_link, email_change, invite };
inline constexpr std::size_t mail_kind_count = 5;

/// What the placeholders of a template stand for; the names are those of GoTrue's templates. URLs
/// are the caller's to check: a template puts them where a reader clicks.
struct mail_values {
  std::string confirmation_url; ///< {{ .ConfirmationURL }}
  std::string token;            ///< {{ .Token }}: the code to type
  std::string token_hash;       ///< {{ .TokenHash }}
  std::string site_url;         ///< {{ .SiteURL }}
  std::string email;            ///< {{ .Email }}: the account's address
  std::string new_email;        ///< {{ .NewEmail }}: of email_change, else empty
  std::string redirect_to;      ///< {{ .RedirectTo }}
};

/// The texts of all mails: built in, in English, until replace() puts an operator's in their place.
/// Pure; render() is thread-safe once no replace() comes any more.
class mail_templates {
public:
  mail_templates();

  /// Replaces one text. `file` is `KIND.subject`, `KIND.txt` or `KIND.html` with a mail_kind's
  /// name, e.g. `invite.html`. Errors: `invalid_argument`, whose message begins with `file` and
  /// the line (`invite.html:3: …`): an unknown file or placeholder, a subject of several lines, a
  /// text past limits::mail_body_bytes.
  [[nodiscard]] result<void> replace(std::string_view file, std::string text);

  /// The mail to `to`. Values are escaped in the HTML part and stand as they are elsewhere; a
  /// value with a line break makes the subject one that no mailer takes.
  [[nodiscard]] mail render(mail_kind kind, const mail_values& values, std::string to) const;

private:
  struct texts {
    std::string subject;
    std::string text;
    std::string html;
  };

  std::array<texts, mail_kind_count> kinds_;
};

} // namespace troupe
