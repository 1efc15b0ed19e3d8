#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// A client's side of TLS on a blocking socket.
namespace troupe::test {

struct tls_options {
  int version = 0;            ///< TLS1_2_VERSION…; 0: any
  std::string protocols = {}; ///< ALPN, each with its length before it
  SSL_SESSION* session = nullptr;
};

class tls_end {
public:
  /// Shakes hands; throws std::runtime_error when that comes to nothing.
  explicit tls_end(int fd, const tls_options& options = {}) : ssl_(SSL_new(context())) {
    if (options.version != 0) {
      SSL_set_min_proto_version(ssl_.get(), options.version);
      SSL_set_max_proto_version(ssl_.get(), options.version);
    }
    const auto& wanted = options.protocols;
    if (!wanted.empty())
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wanted.data()),
                          static_cast<unsigned>(wanted.size()));
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
    SSL_set_tlsext_host_name(ssl_.get(), "localhost");
    SSL_set_fd(ssl_.get(), fd);
    if (SSL_connect(ssl_.get()) == 1) return;
    const char* why = ERR_reason_error_string(ERR_get_error());
    throw std::runtime_error(why != nullptr ? why : "no TLS");
  }

  enum class got { bytes, nothing_yet, end };

  got read(char* to, std::size_t room, std::size_t& size) {
    ERR_clear_error();
    const int done = SSL_read_ex(ssl_.get(), to, room, &size);
    if (done == 1) return got::bytes;
    const int why = SSL_get_error(ssl_.get(), done);
    if (why == SSL_ERROR_WANT_READ) return got::nothing_yet;
    goodbye_ = why == SSL_ERROR_ZERO_RETURN;
    return got::end;
  }
  bool write(std::string_view bytes) {
    ERR_clear_error();
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  void end() {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  [[nodiscard]] bool has_bytes() const { return SSL_has_pending(ssl_.get()) == 1; }
  [[nodiscard]] bool got_goodbye() const { return goodbye_; }
  [[nodiscard]] SSL* raw() const { return ssl_.get(); }

private:
  static SSL_CTX* context() {
    static const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> made = [] {
      std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
      auto* out = SSL_CTX_new(TLS_client_method());
      SSL_CTX_clear_mode(out, SSL_MODE_AUTO_RETRY); // a ticket alone is nothing to wait behind
      SSL_CTX_set_security_level(out, 0);           // so that the server is who refuses
      return std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>(out, SSL_CTX_free);
    }();
    return made.get();
  }

  struct freed {
    void operator()(SSL* p) const noexcept { SSL_free(p); }
  };
  std::unique_ptr<SSL, freed> ssl_;
  bool goodbye_ = false;
};

} // namespace troupe::test
