#include "adapters/mail/smtp_config.hpp"

#include "actors/ports/mail_rules.hpp"
#include "adapters/curl/http_handle.hpp"

#include <memory>
#include <utility>

namespace troupe {
namespace smtp {
namespace {

using std::chrono::milliseconds;
using url_ptr = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

/// An absent part is empty.
std::string part(const url_ptr& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

std::unexpected<error> wrong_url(std::string why) {
  return fail(errc::invalid_argument, std::move(why), "url");
}

result<url_ptr> parse_url(const std::string& text) {
  if (!text.starts_with("smtp://") && !text.starts_with("smtps://"))
    return wrong_url("wants smtp://host:port or smtps://host:port");
  url_ptr url(curl_url(), &curl_url_cleanup);
  if (mail_rules::has_control(text) ||
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return wrong_url("is no URL; user and password must be percent-encoded");
  if (!part(url, CURLUPART_QUERY).empty() || !part(url, CURLUPART_FRAGMENT).empty())
    return wrong_url("has a query or a fragment; a ? or # in a password must be percent-encoded");
  return url;
}

/// Takes user and password out of `url`.
result<void> read_login(const url_ptr& url, server& to) {
  to.user = part(url, CURLUPART_USER, CURLU_URLDECODE);
  to.password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
  const bool lost = to.user.empty() != part(url, CURLUPART_USER).empty() ||
                    to.password.empty() != part(url, CURLUPART_PASSWORD).empty();
  if (lost || mail_rules::has_control(to.user) || mail_rules::has_control(to.password))
    return wrong_url("has a control character in its user or password");
  if (to.user.empty() != to.password.empty())
    return wrong_url("wants both user and password, or neither");
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  return {};
}

result<void> check_times(const smtp_config& config) {
  using namespace std::chrono_literals;
  if (config.timeout < 1s || config.timeout > 5min)
    return fail(errc::invalid_argument, "must be 1 s to 5 min", "timeout");
  if (config.retry_wait < 1ms || config.retry_wait > 1min)
    return fail(errc::invalid_argument, "must be 1 ms to 1 min", "retry_wait");
  if (config.patience < 1ms || config.patience > 1h)
    return fail(errc::invalid_argument, "must be 1 ms to 1 h", "patience");
  return {};
}

} // namespace

result<server> read(smtp_config config) {
  curl::load();
  const auto url = parse_url(config.url.value);
  if (!url) return std::unexpected(url.error());
  server out;
  if (auto ok = read_login(*url, out); !ok) return std::unexpected(ok.error());
  out.url = part(*url, CURLUPART_URL);
  const auto port = part(*url, CURLUPART_PORT);
  out.host = part(*url, CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
  const bool in_clear = out.url.starts_with("smtp:") && config.tls != starttls::required;
  if (in_clear && !out.user.empty() && !curl::is_loopback(out.url))
    return fail(errc::invalid_argument,
                "must be required where the URL has a password: it would be sent in clear", "tls");
  const auto from = mail_headers::parse_mailbox(config.from);
  if (!from)
    return fail(errc::invalid_argument, "wants an address, or a name and an <address>", "from");
  out.from = *from;
  if (auto ok = check_times(config); !ok) return std::unexpected(ok.error());
  config.url = {};
  out.config = std::move(config);
  return out;
}

} // namespace smtp

result<void> check_smtp_config(const smtp_config& config) {
  const auto checked = smtp::read(config);
  return checked ? result<void>{} : std::unexpected(checked.error());
}

} // namespace troupe
