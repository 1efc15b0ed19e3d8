#include "adapters/crypto/crypto.hpp"
#include "adapters/crypto/sodium_start.hpp"
#include "adapters/crypto/stored_hash.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/worker_threads.hpp"

#include <argon2.h>
#include <sched.h>
#include <sodium.h>
#include <algorithm>
#include <array>
#include <thread>
#include <utility>

namespace troupe {
namespace {

constexpr std::uint32_t passes = 2;
constexpr std::uint32_t memory_kib = 19u << 10;
constexpr std::uint32_t lanes = 1;
constexpr std::size_t salt_bytes = 16, key_bytes = 32;
constexpr unsigned hash_threads_max = 2;       // a dear hash of another system has 256 MiB
constexpr std::uint32_t retry_after_ms = 1000; // one thread drains the queue in about 1.3 s

/// How every hash begins that hash_now() gives.
constexpr std::string_view present_form = "$argon2id$v=19$m=19456,t=2,p=1$";

/// A well-formed hash with the parameters above: what the password of an unknown user is compared
/// with. Whatever the comparison says, the answer is no.
constexpr const char* nobody =
    "$argon2id$v=19$m=19456,t=2,p=1$dHJvdXBlLW5vYm9keS0hIQ$"
    "bm9ib2R5LWhhcy10aGlzLXBhc3N3b3JkLWF0LWFsbCE";

/// One core stays with those who wait for microseconds.
unsigned hash_threads() {
  const auto cores = std::thread::hardware_concurrency();
  return std::clamp(cores, 2u, hash_threads_max + 1) - 1;
}

/// A hash computes for 20 ms what one client waits for. Every other thread of the process goes
/// before it at once: a niceness alone does not interrupt it before the scheduler's next tick.
void give_way() {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none); // if not, so be it
}

error busy() {
  auto reason = make_error(errc::rate_limited, "too many passwords are being checked");
  reason.retry_after_ms = retry_after_ms;
  return reason;
}

void wipe(secret& password) {
  sodium_memzero(password.value.data(), password.value.size());
}

/// The reference implementation takes its memory from malloc, which keeps it for the thread's next
/// hash. libsodium maps and unmaps 19 MiB every time, and while the kernel clears them nobody else
/// runs on that core (docs/decisions/0013).
result<std::string> hash_now(secret password) {
  std::array<unsigned char, salt_bytes> salt{};
  randombytes_buf(salt.data(), salt.size());
  std::array<char, 128> encoded{};
  const int failed =
      argon2id_hash_encoded(passes, memory_kib, lanes, password.value.data(), password.value.size(),
                            salt.data(), salt.size(), key_bytes, encoded.data(), encoded.size());
  wipe(password);
  if (failed != ARGON2_OK) return fail(errc::unavailable, "no memory for hashing a password");
  return std::string(encoded.data());
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
  argon2_hasher() { crypto::start_sodium(); }

  void hash(secret password, reply<std::string> answer) override {
    work([password = std::move(password)]() mutable { return hash_now(std::move(password)); },
         std::move(answer));
  }

  void verify(secret password, std::string encoded, reply<password_verdict> answer) override {
    work(
        [password = std::move(password), encoded = std::move(encoded)]() mutable {
          return verify_now(std::move(password), encoded);
        },
        std::move(answer));
  }

  bool knows(std::string_view encoded) const override { return !hash_format(encoded).empty(); }

private:
  template <class Job, class Result>
  void work(Job job, reply<Result> answer) {
    if (!jobs_.reserve()) return answer.fail(busy());
    jobs_.post([this, job = std::move(job), answer = std::move(answer)]() mutable {
      if (!hashes_.reserve()) return answer.fail(busy());
      hashes_.post([this, job = std::move(job), answer = std::move(answer)]() mutable {
        auto made = job();
        if (!results_.reserve()) return answer(std::move(made));
        results_.post([made = std::move(made), answer = std::move(answer)]() mutable {
          answer(std::move(made));
        });
      });
    });
  }

  // A thread that gives way may be stopped with a lock in hand, and whoever wants that lock waits
  // until a core is free. So what the hashing threads lock is shared with two threads that nobody
  // waits for: one brings the jobs, one hands the results over.
  worker_threads results_{1, limits::hash_queue};
  worker_threads hashes_{hash_threads(), limits::hash_queue, &give_way};
  worker_threads jobs_{1, limits::hash_queue};
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
