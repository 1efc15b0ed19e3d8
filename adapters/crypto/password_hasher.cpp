#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/sodium_start.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/worker_threads.hpp"

#include <sodium.h>
#include <cerrno>
#include <utility>

namespace troupe {
namespace {

constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 19u << 20;
constexpr unsigned hash_threads = 2;
constexpr std::uint32_t retry_after_ms = 1000; // the queue drains in about 0.7 s

/// A well-formed hash with the parameters above: what the password of an unknown user is compared
/// with. Whatever the comparison says, the answer is no.
constexpr const char* nobody =
    "$argon2id$v=19$m=19456,t=2,p=1$dHJvdXBlLW5vYm9keS0hIQ$"
    "bm9ib2R5LWhhcy10aGlzLXBhc3N3b3JkLWF0LWFsbCE";

error busy() {
  auto reason = make_error(errc::rate_limited, "too many passwords are being checked");
  reason.retry_after_ms = retry_after_ms;
  return reason;
}

error no_memory() {
  return make_error(errc::unavailable, "no memory for hashing a password");
}

void wipe(secret& password) {
  sodium_memzero(password.value.data(), password.value.size());
}

result<std::string> hash_now(secret password) {
  char encoded[crypto_pwhash_STRBYTES];
  const int failed = crypto_pwhash_str_alg(encoded, password.value.data(), password.value.size(),
                                           passes, memory_bytes, crypto_pwhash_ALG_ARGON2ID13);
  wipe(password);
  if (failed != 0) return std::unexpected(no_memory());
  return std::string(encoded);
}

result<bool> verify_now(secret password, const std::string& encoded) {
  const bool known = !encoded.empty();
  errno = 0;
  const int failed = crypto_pwhash_str_verify(known ? encoded.c_str() : nobody,
                                              password.value.data(), password.value.size());
  const bool starved = failed != 0 && errno == ENOMEM;
  wipe(password);
  if (starved) return std::unexpected(no_memory()); // never mistaken for a wrong password
  return known && failed == 0;
}

class argon2_hasher final : public password_hasher {
public:
  argon2_hasher() : threads_(hash_threads, limits::hash_queue) { crypto::start_sodium(); }

  void hash(secret password, reply<std::string> answer) override {
    if (!threads_.reserve()) return answer.fail(busy());
    threads_.post([password = std::move(password), answer = std::move(answer)]() mutable {
      answer(hash_now(std::move(password)));
    });
  }

  void verify(secret password, std::string encoded, reply<bool> answer) override {
    if (!threads_.reserve()) return answer.fail(busy());
    threads_.post([password = std::move(password), encoded = std::move(encoded),
                   answer = std::move(answer)]() mutable {
      answer(verify_now(std::move(password), encoded));
    });
  }

private:
  worker_threads threads_;
};

} // namespace

std::unique_ptr<password_hasher> make_password_hasher() {
  return std::make_unique<argon2_hasher>();
}

} // namespace troupe
