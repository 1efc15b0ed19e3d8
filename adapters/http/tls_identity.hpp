#pragma once

#include "adapters/http/tls_session.hpp"
#include "messages/base/result.hpp"

#include <sys/stat.h>

#include <array>
#include <memory>
#include <string>

namespace troupe::http {

/// Who the edge says it is under TLS: a certificate chain and its key, in force as long as their
/// files stay as they are. On one thread; its sessions may live on others.
class tls_identity {
public:
  /// Both are PEM files; the certificate comes first in its file, then its issuers. Errors:
  /// `invalid_argument` when a file cannot be read, the key is encrypted or another certificate's,
  /// or the certificate is expired or not valid yet; the message names the setting and the file.
  [[nodiscard]] static result<tls_identity> load(std::string certificate, std::string key);

  /// Looks at the files; call it every second or so. New ones that work count for the sessions made
  /// from then on; of others a warning tells, and the old ones stay in force. What changed must be
  /// the same at two looks, so that nothing is read that is half written.
  void refresh();

  [[nodiscard]] std::unique_ptr<tls_session> make_session() const {
    return std::make_unique<tls_session>(context_.get());
  }

private:
  struct free_context {
    void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
  };
  using context_pointer = std::unique_ptr<SSL_CTX, free_context>;

  /// What tells a file from the one that was there before, whoever renames or writes it.
  struct file_mark {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified_ns = 0;

    bool operator==(const file_mark&) const = default;
  };
  using marks = std::array<file_mark, 2>;

  tls_identity(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  [[nodiscard]] static file_mark mark_of(const std::string& path);
  [[nodiscard]] marks look() const { return {mark_of(certificate_), mark_of(key_)}; }
  [[nodiscard]] result<context_pointer> read() const;

  std::string certificate_, key_;
  context_pointer context_;
  marks tried_; // of the files that were read last
  marks seen_;  // at the last look
};

} // namespace troupe::http
