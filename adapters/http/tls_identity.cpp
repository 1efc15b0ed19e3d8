#include "adapters/http/tls_identity.hpp"

#include "messages/base/log.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <system_error>
#include <utility>

namespace troupe::http {
namespace {

constexpr const char* certificate_setting = "http.tls_certificate";
constexpr const char* key_setting = "http.tls_key";

std::unexpected<error> wrong(const char* setting, const std::string& file, const std::string& why) {
  return fail(errc::invalid_argument, std::string(setting) + ": " + file + ": " + why, setting);
}

// OpenSSL's own words for what went wrong first; the rest follows from it.
std::string reason() {
  const auto code = ERR_peek_error();
  const char* text = ERR_reason_error_string(code);
  ERR_clear_error();
  return text != nullptr ? text : "no reason given";
}

result<void> check_readable(const char* setting, const std::string& file) {
  errno = 0;
  if (std::ifstream in(file); in && in.peek() != std::ifstream::traits_type::eof()) return {};
  const auto why = errno != 0 ? std::generic_category().message(errno) : "it is empty";
  return wrong(setting, file, "cannot be read: " + why);
}

std::string date_of(const ASN1_TIME* when) {
  std::tm parts{};
  char text[32] = {};
  if (ASN1_TIME_to_tm(when, &parts) == 1)
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

result<void> check_dates(SSL_CTX* context, const std::string& file) {
  const X509* leaf = SSL_CTX_get0_certificate(context);
  const auto *from = X509_get0_notBefore(leaf), *until = X509_get0_notAfter(leaf);
  if (X509_cmp_current_time(until) <= 0)
    return wrong(certificate_setting, file, "the certificate expired at " + date_of(until));
  if (X509_cmp_current_time(from) > 0)
    return wrong(certificate_setting, file, "the certificate is valid from " + date_of(from));
  return {};
}

// HTTP/1.1 when the client offers it, as RFC 7301 wants it; a client that offers others only is
// refused, one that offers none is let in.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                    unsigned in_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const auto found = SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, in, in_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// An encrypted key must not make the program ask at a terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

void harden(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20"); // of TLS 1.2
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); // tickets: the client keeps it
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, no_password);
}

} // namespace

tls_identity::file_mark tls_identity::mark_of(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size,
          std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

result<tls_identity::context_pointer> tls_identity::read() const {
  if (auto ok = check_readable(certificate_setting, certificate_); !ok)
    return std::unexpected(std::move(ok.error()));
  if (auto ok = check_readable(key_setting, key_); !ok)
    return std::unexpected(std::move(ok.error()));
  ERR_clear_error();
  context_pointer made(SSL_CTX_new(TLS_server_method()));
  if (!made) return fail(errc::unavailable, "TLS is not available: " + reason());
  harden(made.get());
  if (SSL_CTX_use_certificate_chain_file(made.get(), certificate_.c_str()) != 1)
    return wrong(certificate_setting, certificate_, "holds no usable certificate: " + reason());
  if (auto ok = check_dates(made.get(), certificate_); !ok)
    return std::unexpected(std::move(ok.error()));
  const auto another = "is not the key of the certificate " + certificate_;
  if (SSL_CTX_use_PrivateKey_file(made.get(), key_.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool differs = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    const auto why = "holds no usable key (an encrypted one is none): " + reason();
    return wrong(key_setting, key_, differs ? another : why);
  }
  if (SSL_CTX_check_private_key(made.get()) != 1) return wrong(key_setting, key_, another);
  return made;
}

result<tls_identity> tls_identity::load(std::string certificate, std::string key) {
  tls_identity out(std::move(certificate), std::move(key));
  out.tried_ = out.seen_ = out.look();
  auto made = out.read();
  if (!made) return std::unexpected(std::move(made.error()));
  out.context_ = std::move(*made);
  return out;
}

void tls_identity::refresh() {
  const auto now = look();
  const bool settled = now == std::exchange(seen_, now);
  if (now == tried_ || !settled) return;
  tried_ = now;
  auto made = read();
  if (!made)
    return log::warn("http.tls_not_renewed",
                     {{"why", made.error().message}, {"in_force", "the certificate of before"}});
  context_ = std::move(*made);
  log::info("http.tls_renewed",
            {{"until", date_of(X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get())))}});
}

} // namespace troupe::http
