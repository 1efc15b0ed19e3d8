#pragma once

#include <openssl/err.h>

namespace troupe::crypto {

/// OpenSSL keeps a queue of errors for each thread, and a TLS connection that fails later on this
/// thread would report what it finds there. As long as this lives, nothing new stays in it.
class quiet_errors {
public:
  quiet_errors() { ERR_set_mark(); }
  ~quiet_errors() { ERR_pop_to_mark(); }
  quiet_errors(const quiet_errors&) = delete;
  quiet_errors& operator=(const quiet_errors&) = delete;
};

} // namespace troupe::crypto
