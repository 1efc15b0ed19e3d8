#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/sodium_start.hpp"
#include "adapters/crypto/stored_hash.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/worker_threads.hpp"

#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>
#include <array>
#include <utility>

namespace troupe {
namespace {

constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 19u << 20;
constexpr unsigned hash_threads = 2;
constexpr std::uint32_t retry_after_ms = 1000; // the queue drains in about 0.7 s

/// How every hash begins that hash_now() gives.
constexpr std::string_view present_form = "$argon2id$v=19$m=19456,t=2,p=1$";

/// A well-formed hash with the parameters above: what the password of an unknown user is compared
/// with. Whatever the comparison says, the answer is no.
constexpr const char* nobody =
    "$argon2id$v=19$m=19456,t=2,p=1$dHJvdXBlLW5vYm9keS0hIQ$"
    "bm9ib2R5LWhhcy10aGlzLXBhc3N3b3JkLWF0LWFsbCE";

/// A hash computes for 20 ms what nobody else waits for: other threads of the process go before it.
void give_way() {
  constexpr int niceness = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness); // if not, so be it
}

error busy() {
  auto reason = make_error(errc::rate_limited, "too many passwords are being checked");
  reason.retry_after_ms = retry_after_ms;
  return reason;
}

void wipe(secret& password) {
  sodium_memzero(password.value.data(), password.value.size());
}

result<std::string> hash_now(secret password) {
  char encoded[crypto_pwhash_STRBYTES];
  const int failed = crypto_pwhash_str_alg(encoded, password.value.data(), password.value.size(),
                                           passes, memory_bytes, crypto_pwhash_ALG_ARGON2ID13);
  wipe(password);
  if (failed != 0) return fail(errc::unavailable, "no memory for hashing a password");
  return std::string(encoded);
}

result<password_verdict> verify_now(secret password, const std::string& encoded) {
  const auto known = crypto::read_hash(encoded);
  const auto same = crypto::matches(password.value, known ? *known : crypto::argon2_hash{nobody});
  wipe(password);
  if (!same) return std::unexpected(same.error());
  const bool right = known && *same;
  return password_verdict{right, right && !encoded.starts_with(present_form)};
}

class argon2_hasher final : public password_hasher {
public:
  argon2_hasher() : threads_(hash_threads, limits::hash_queue, &give_way) {
    crypto::start_sodium();
  }

  void hash(secret password, reply<std::string> answer) override {
    if (!threads_.reserve()) return answer.fail(busy());
    threads_.post([password = std::move(password), answer = std::move(answer)]() mutable {
      answer(hash_now(std::move(password)));
    });
  }

  void verify(secret password, std::string encoded, reply<password_verdict> answer) override {
    if (!threads_.reserve()) return answer.fail(busy());
    threads_.post([password = std::move(password), encoded = std::move(encoded),
                   answer = std::move(answer)]() mutable {
      answer(verify_now(std::move(password), encoded));
    });
  }

  bool knows(std::string_view encoded) const override { return !hash_format(encoded).empty(); }

private:
  worker_threads threads_;
};

} // namespace

std::unique_ptr<password_hasher> make_password_hasher() {
  return std::make_unique<argon2_hasher>();
}

std::string_view hash_format(std::string_view encoded) {
  constexpr std::array<std::string_view, std::variant_size_v<crypto::stored_hash>> names{
      "argon2", "bcrypt", "pbkdf2", "scrypt"}; // in the variant's order
  const auto known = crypto::read_hash(encoded);
  return known ? names[known->index()] : std::string_view{};
}

} // namespace troupe
