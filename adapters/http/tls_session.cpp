#include "adapters/http/tls_session.hpp"

#include <openssl/err.h>

namespace troupe::http {

tls_session::tls_session(SSL_CTX* context) : ssl_(context != nullptr ? SSL_new(context) : nullptr) {
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  if (!ssl_ || in_ == nullptr || out_ == nullptr) {
    BIO_free(in_);
    BIO_free(out_);
    in_ = out_ = nullptr;
    broken_ = true;
    return;
  }
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_accept_state(ssl_.get());
}

// OpenSSL keeps errors in a list of the thread, where other users of the library leave theirs: each
// call that is asked about begins with an empty one.
tls_session::outcome tls_session::outcome_of(int returned) {
  if (returned > 0) return outcome::done;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return outcome::wants_input;
    case SSL_ERROR_ZERO_RETURN:
      return outcome::ended;
    default:
      broken_ = true;
      ERR_clear_error();
      return outcome::broken;
  }
}

void tls_session::feed(std::string_view ciphertext) {
  if (broken_) return;
  BIO_write(in_, ciphertext.data(), static_cast<int>(ciphertext.size()));
}

tls_session::outcome tls_session::handshake() {
  if (broken_) return outcome::broken;
  ERR_clear_error();
  return outcome_of(SSL_do_handshake(ssl_.get()));
}

tls_session::outcome tls_session::read(std::span<char> into, std::size_t& size) {
  size = 0;
  if (broken_) return outcome::broken;
  ERR_clear_error();
  return outcome_of(SSL_read_ex(ssl_.get(), into.data(), into.size(), &size));
}

tls_session::outcome tls_session::write(std::string_view plaintext) {
  if (broken_) return outcome::broken;
  ERR_clear_error();
  std::size_t taken = 0; // all: memory is never full
  return outcome_of(SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &taken));
}

void tls_session::end() {
  if (broken_ || SSL_is_init_finished(ssl_.get()) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

std::size_t tls_session::output_size() const {
  return out_ == nullptr ? 0 : BIO_ctrl_pending(out_);
}

void tls_session::take_output(std::string& into) {
  const auto waiting = output_size();
  if (waiting == 0) return;
  const auto before = into.size();
  into.resize(before + waiting);
  const int got = BIO_read(out_, into.data() + before, static_cast<int>(waiting));
  into.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
}

} // namespace troupe::http
