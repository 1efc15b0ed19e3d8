#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace troupe::http {

/// The server's side of one TLS connection, in memory: ciphertext in and out as bytes, so that the
/// connection keeps its socket, its non-blocking writes and its watch for hang-ups. On one thread.
/// Ciphertext waits inside until it is taken; what is taken must be sent in that order.
class tls_session {
public:
  /// With a null context every call answers `broken`.
  explicit tls_session(SSL_CTX* context);

  enum class outcome : std::uint8_t {
    done,
    wants_input, ///< feed more, then ask again
    ended,       ///< the client said goodbye (close_notify)
    broken,      ///< not TLS, or no version, cipher or protocol in common; an alert may wait
  };

  /// What came from the network.
  void feed(std::string_view ciphertext);

  /// `done` when both sides have agreed.
  [[nodiscard]] outcome handshake();

  /// Up to `into.size()` bytes of plaintext, at least one when `done`.
  [[nodiscard]] outcome read(std::span<char> into, std::size_t& size);

  /// All of it becomes ciphertext. Only after the handshake; never empty.
  [[nodiscard]] outcome write(std::string_view plaintext);

  /// The server's goodbye; nothing may be written after it.
  void end();

  /// Appends the ciphertext that waits.
  void take_output(std::string& into);
  [[nodiscard]] std::size_t output_size() const;

private:
  struct free_session {
    void operator()(SSL* p) const noexcept { SSL_free(p); }
  };
  [[nodiscard]] outcome outcome_of(int returned);

  std::unique_ptr<SSL, free_session> ssl_;
  BIO* in_ = nullptr; // both belong to ssl_
  BIO* out_ = nullptr;
  bool broken_ = false;
};

} // namespace troupe::http
