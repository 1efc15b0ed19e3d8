#include "adapters/mail/smtp_session.hpp"

#include "adapters/curl/http_handle.hpp"
#include "messages/base/log.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <memory>

namespace troupe::smtp {
namespace {

using list_ptr = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
using mime_ptr = std::unique_ptr<curl_mime, decltype(&curl_mime_free)>;

list_ptr to_list(const std::vector<std::string>& lines) {
  list_ptr out(nullptr, &curl_slist_free_all);
  for (const auto& line : lines) {
    auto* longer = curl_slist_append(out.get(), line.c_str());
    if (longer == nullptr) return {nullptr, &curl_slist_free_all};
    out.release();
    out.reset(longer);
  }
  return out;
}

outcome no_memory() {
  return {false, true, make_error(errc::internal, "no memory for a mail")};
}

outcome again(errc code, std::string why) {
  return {false, true, make_error(code, "the mail server " + std::move(why))};
}

outcome never(std::string why) {
  return {false, false, make_error(errc::upstream_failed, "the mail server " + std::move(why))};
}

long to_curl(starttls how) {
  switch (how) {
    case starttls::required:
      return CURLUSESSL_ALL;
    case starttls::optional:
      return CURLUSESSL_TRY;
    case starttls::none:
      return CURLUSESSL_NONE;
  }
  return CURLUSESSL_ALL;
}

/// `status`: the last reply code that the server gave in this try (RFC 5321, 4.2), or 0.
outcome to_outcome(CURLcode code, long status) {
  const auto shown = " (" + std::to_string(status) + ')';
  if (status >= 400 && status < 500) return again(errc::unavailable, "put the mail off" + shown);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return again(errc::unavailable, "cannot be reached");
    case CURLE_OPERATION_TIMEDOUT:
      return again(errc::deadline_exceeded, "did not answer in time");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return never("has no certificate that is trusted here");
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
      return never("does not speak TLS as it must");
    case CURLE_LOGIN_DENIED:
      return never("does not take the user and the password");
    default:
      if (status >= 500) return never("refused the mail" + shown);
      return again(errc::unavailable, "broke off");
  }
}

} // namespace

session::session(const server& to) : server_(to), easy_(curl_easy_init()) {}

session::~session() {
  interrupt(); // so that nobody waits for the answer to QUIT
  curl_easy_cleanup(easy_);
}

void session::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
}

outcome session::send(const message& what, std::chrono::milliseconds within) {
  if (easy_ == nullptr) return no_memory();
  curl_easy_reset(easy_); // keeps the connection
  const mime_ptr parts(parts_of(what.letter, easy_), &curl_mime_free);
  const auto headers = to_list(header_lines(what, server_.from));
  const auto recipient = to_list({'<' + what.letter.to + '>'});
  if (!parts || !headers || !recipient) return no_memory();
  set_connection(within);
  set_login();
  curl_easy_setopt(easy_, CURLOPT_MAIL_FROM, ('<' + server_.from.address + '>').c_str());
  curl_easy_setopt(easy_, CURLOPT_MAIL_RCPT, recipient.get());
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy_, CURLOPT_MIMEPOST, parts.get());
  const auto code = curl_easy_perform(easy_);
  auto judged = judge(code);
  curl_easy_reset(easy_); // the lists and parts above end here
  return judged;
}

void session::set_connection(std::chrono::milliseconds within) {
  using std::chrono::ceil, std::chrono::seconds;
  const auto& config = server_.config;
  curl_easy_setopt(easy_, CURLOPT_URL, server_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy_, CURLOPT_PROXY, ""); // the environment's is for HTTP
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(within.count()));
  // The one time-out that also counts for the answer to QUIT.
  curl_easy_setopt(easy_, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                   static_cast<long>(ceil<seconds>(config.timeout).count()));
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &session::on_open);
  curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy_, CURLOPT_CLOSESOCKETFUNCTION, &session::on_close);
  curl_easy_setopt(easy_, CURLOPT_CLOSESOCKETDATA, this);
  // Curl asks every second at least: the only way out of a resolver that is silent.
  curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &session::on_progress);
  curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, why_.data());
}

void session::set_login() {
  const auto& config = server_.config;
  curl_easy_setopt(easy_, CURLOPT_USE_SSL, to_curl(config.tls));
  if (!config.ca_file.empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO, config.ca_file.c_str());
  if (server_.user.empty()) return;
  curl_easy_setopt(easy_, CURLOPT_USERNAME, server_.user.c_str());
  curl_easy_setopt(easy_, CURLOPT_PASSWORD, server_.password.c_str());
}

outcome session::judge(CURLcode code) {
  if (code == CURLE_OK) return {true, false, {}};
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  auto out = to_outcome(code, status);
  log::warn("mail.try_failed", {{"host", server_.host},
                                {"why", why_[0] != 0 ? why_.data() : curl_easy_strerror(code)},
                                {"again", out.again}});
  return out;
}

curl_socket_t session::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  auto& own = *static_cast<session*>(self);
  const std::lock_guard lock(own.mutex_);
  if (own.interrupted_) return CURL_SOCKET_BAD;
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  own.sockets_.push_back(fd);
  return fd;
}

int session::on_close(void* self, curl_socket_t fd) {
  auto& own = *static_cast<session*>(self);
  const std::lock_guard lock(own.mutex_);
  std::erase(own.sockets_, fd);
  return ::close(fd);
}

int session::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& own = *static_cast<session*>(self);
  const std::lock_guard lock(own.mutex_);
  return own.interrupted_ ? 1 : 0; // 1 ends the transfer
}

} // namespace troupe::smtp
