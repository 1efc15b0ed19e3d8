#include "adapters/crypto/sodium_start.hpp"

#include <sodium.h>
#include <cstdio>
#include <cstdlib>

namespace troupe::crypto {

void start_sodium() noexcept {
  if (sodium_init() >= 0) return;
  std::fputs("no source of randomness: libsodium cannot start\n", stderr);
  std::abort();
}

} // namespace troupe::crypto
