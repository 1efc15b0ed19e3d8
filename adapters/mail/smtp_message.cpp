#include "adapters/mail/smtp_message.hpp"

#include <string_view>

namespace troupe::smtp {
namespace {

/// Every line end as CRLF: quoted-printable would encode any other.
std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    if (text[i] == '\r' || text[i] == '\n') {
      out += "\r\n";
    } else {
      out += text[i];
    }
  }
  return out;
}

bool add_part(curl_mime* to, std::string_view text, const char* type) {
  auto* part = curl_mime_addpart(to);
  const auto body = with_crlf(text);
  return part != nullptr && curl_mime_data(part, body.data(), body.size()) == CURLE_OK &&
         curl_mime_type(part, type) == CURLE_OK &&
         curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
}

} // namespace

std::vector<std::string> header_lines(const message& from_us, const mail_headers::mailbox& from) {
  using mail_headers::to_field;
  return {
      "Date: " + to_field(from_us.begun),
      "From: " + to_field(from),
      "To: " + from_us.letter.to,
      "Message-ID: <" + from_us.id + '>',
      "Subject: " + to_field(std::string_view(from_us.letter.subject)),
      "MIME-Version: 1.0",
      "Content-Type: multipart/alternative", // curl adds the boundary
      "Auto-Submitted: auto-generated",      // RFC 3834: no out-of-office answers
  };
}

curl_mime* parts_of(const mail& letter, CURL* easy) {
  curl_mime* parts = curl_mime_init(easy);
  if (parts == nullptr) return nullptr;
  const bool made =
      add_part(parts, letter.text, "text/plain; charset=utf-8") &&
      (letter.html.empty() || add_part(parts, letter.html, "text/html; charset=utf-8"));
  if (made) return parts;
  curl_mime_free(parts);
  return nullptr;
}

} // namespace troupe::smtp
