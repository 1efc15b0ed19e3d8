// Goal: the contract of session_cache, and that a revocation counts for all nodes at once. Method:
// the same suite on every adapter, on real servers where there are any.
#include "tests/contract/shared/shared_fixture.hpp"

#include <thread>

namespace troupe::test {
namespace {

class session_cache_contract : public shared_suite {
protected:
  void SetUp() override {
    shared_suite::SetUp();
    if (!IsSkipped()) stores_ = open();
  }
  session_cache& cache() { return *stores_.sessions; }

private:
  redis_stores stores_;
};
INSTANTIATE_TEST_SUITE_P(on, session_cache_contract,
                         ::testing::Values(shared_by::memory, shared_by::redis,
                                           shared_by::redis_tls, shared_by::redis_cluster),
                         adapter_name);

TEST_P(session_cache_contract, what_was_put_is_found_and_the_rest_is_absent) {
  EXPECT_EQ(value_of(get(cache(), "a")), absent);
  value_of(put(cache(), "a", "one"));
  value_of(put(cache(), "b", ""));
  EXPECT_EQ(value_of(get(cache(), "a")), found("one"));
  EXPECT_EQ(value_of(get(cache(), "b")), found(""));
  EXPECT_EQ(value_of(get(cache(), "c")), absent);
}

TEST_P(session_cache_contract, a_later_value_replaces_an_earlier_one) {
  value_of(put(cache(), "a", "one"));
  value_of(put(cache(), "a", "two"));
  EXPECT_EQ(value_of(get(cache(), "a")), found("two"));
}

TEST_P(session_cache_contract, any_bytes_come_back_as_they_were) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  value_of(put(cache(), all.substr(0, 200), all));
  EXPECT_EQ(value_of(get(cache(), all.substr(0, 200))), found(all));
  value_of(put(cache(), "long", std::string(limits::session_value_bytes, 'x')));
  EXPECT_EQ(value_of(get(cache(), "long")).value.size(), limits::session_value_bytes);
}

TEST_P(session_cache_contract, a_value_goes_when_its_time_is_over) {
  value_of(put(cache(), "a", "one", 80ms));
  EXPECT_EQ(value_of(get(cache(), "a")), found("one"));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(value_of(get(cache(), "a")), absent);
}

TEST_P(session_cache_contract, a_revoked_key_stays_revoked_whatever_is_put) {
  value_of(put(cache(), "a", "one"));
  value_of(revoke(cache(), {"a", "never seen"}));
  EXPECT_EQ(value_of(get(cache(), "a")), revoked);
  EXPECT_EQ(value_of(get(cache(), "never seen")), revoked);
  value_of(put(cache(), "a", "read before the revocation"));
  EXPECT_EQ(value_of(get(cache(), "a")), revoked);
}

TEST_P(session_cache_contract, a_tombstone_goes_when_its_time_is_over_and_not_before) {
  value_of(revoke(cache(), {"a"}, 150ms));
  value_of(revoke(cache(), {"a"}, 1ms)); // does not shorten it
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(value_of(get(cache(), "a")), revoked);
  std::this_thread::sleep_for(120ms);
  EXPECT_EQ(value_of(get(cache(), "a")), absent);
  value_of(put(cache(), "a", "again"));
  EXPECT_EQ(value_of(get(cache(), "a")), found("again"));
}

TEST_P(session_cache_contract, as_many_keys_as_may_be_are_revoked_in_one_call) {
  std::vector<std::string> keys;
  for (std::size_t n = 0; n < limits::session_revoke_keys; ++n)
    keys.push_back("k" + std::to_string(n));
  value_of(revoke(cache(), keys));
  for (const auto* key : {"k0", "k500", "k999"}) EXPECT_EQ(value_of(get(cache(), key)), revoked);
  value_of(revoke(cache(), {}));
}

TEST_P(session_cache_contract, what_is_out_of_its_bounds_is_refused_by_name) {
  const std::string key_long(limits::session_key_bytes + 1, 'k');
  const std::string text_long(limits::session_value_bytes + 1, 'x');
  const std::vector<std::string> many(limits::session_revoke_keys + 1, "k");
  EXPECT_TRUE(fails_with(get(cache(), ""), errc::invalid_argument, "key"));
  EXPECT_TRUE(fails_with(get(cache(), key_long), errc::invalid_argument, "key"));
  EXPECT_TRUE(fails_with(put(cache(), key_long, ""), errc::invalid_argument, "key"));
  EXPECT_TRUE(fails_with(put(cache(), "k", text_long), errc::invalid_argument, "value"));
  EXPECT_TRUE(fails_with(put(cache(), "k", "", 0ms), errc::invalid_argument, "ttl"));
  EXPECT_TRUE(fails_with(revoke(cache(), {"k", ""}), errc::invalid_argument, "key"));
  EXPECT_TRUE(fails_with(revoke(cache(), {"k"}, 32 * 24h), errc::invalid_argument, "ttl"));
  EXPECT_TRUE(fails_with(revoke(cache(), many), errc::invalid_argument, "keys"));
  EXPECT_EQ(value_of(get(cache(), "k")), absent);
}

TEST_P(session_cache_contract, nodes_see_what_others_put_and_revoke_at_once) {
  if (GetParam() == shared_by::memory) GTEST_SKIP() << "one process only";
  auto other = open();
  value_of(put(cache(), "a", "one"));
  EXPECT_EQ(value_of(get(*other.sessions, "a")), found("one"));
  value_of(revoke(*other.sessions, {"a"}));
  EXPECT_EQ(value_of(get(cache(), "a")), revoked);
  value_of(put(cache(), "a", "one"));
  EXPECT_EQ(value_of(get(*other.sessions, "a")), revoked);
}

} // namespace
} // namespace troupe::test
