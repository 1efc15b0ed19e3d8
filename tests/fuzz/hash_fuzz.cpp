// Goal: no text of an import crashes the reader of password hashes, and what it knows is within the
// bounds and can be checked. Method: the input as an encoded hash; the cheap ones are checked.
#include "adapters/crypto/stored_hash.hpp"
#include "messages/base/limits.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace troupe;
using namespace troupe::crypto;

bool is_cheap(const argon2_hash& hash) {
  return hash.text.contains("$m=64,t=1,");
}
bool is_cheap(const bcrypt_hash& hash) {
  return hash.text.substr(4, 2) == "04";
}
bool is_cheap(const pbkdf2_hash& hash) {
  require(hash.iterations >= 1 && hash.iterations <= limits::hash_pbkdf2_iterations);
  require(!hash.salt.empty() && hash.key.size() >= 20);
  return hash.iterations <= 1000;
}
bool is_cheap(const scrypt_hash& hash) {
  const auto work = 128 * hash.n * hash.r * hash.p;
  require(128 * hash.n * hash.r <= limits::hash_memory_bytes && work <= limits::hash_work_bytes);
  require(!hash.salt.empty() && hash.key.size() == 64);
  return work <= (1u << 20);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto hash = read_hash(input);
  if (!hash) return 0;
  require(size <= limits::hash_text_bytes);
  if (std::visit([](const auto& each) { return is_cheap(each); }, *hash))
    require(matches("no such password", *hash).has_value());
  return 0;
}
