// Goal: Redis' scripts and the tables of SQL decide exactly as the store in memory does, which is
// plain to read and is held to the rules by a fake clock. Method: some thousand random calls to
// both, with windows so long that time does not matter, and every answer compared. The seed is
// printed.
#include "tests/contract/shared/shared_fixture.hpp"

#include <random>

namespace troupe::test {
namespace {

class limit_model : public shared_suite {
protected:
  std::int64_t any(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random_);
  }
  std::string any_id() { return "id" + std::to_string(any(0, 60)); }

  std::vector<limit_want> any_wants() {
    std::vector<limit_want> out;
    for (const char* scope : {"key:a", "key:b", "org:o"})
      for (const auto kind : {limit_kind::requests, limit_kind::tokens, limit_kind::streams}) {
        if (any(0, 2) > 0) continue;
        const auto amount = kind == limit_kind::tokens ? any(0, 40) : any(0, 1);
        out.push_back(want(scope, kind, any(0, 60), 7 * 24h, amount));
      }
    if (out.empty()) out.push_back(want("only", limit_kind::requests, 50, 7 * 24h));
    return out;
  }

  static std::string shown(const result<limit_verdict>& said) {
    if (!said) return said.error().message;
    auto out = std::string(said->granted ? "granted" : "refused");
    for (const auto& state : said->states) out += ' ' + std::to_string(state.remaining);
    return out;
  }

  void compare_reserve(limit_store& one, limit_store& two) {
    const auto id = any_id();
    const auto wants = any_wants();
    EXPECT_EQ(shown(reserve(one, id, wants)), shown(reserve(two, id, wants))) << id;
  }
  void compare_settle(limit_store& one, limit_store& two) {
    const auto id = any_id();
    std::vector<std::int64_t> amounts;
    for (auto n = any(0, 9); n > 0; --n) amounts.push_back(any(0, 60));
    EXPECT_EQ(settle(one, id, amounts), settle(two, id, amounts));
  }
  void compare_renew(limit_store& one, limit_store& two) {
    const std::vector<std::string> ids{any_id(), any_id(), any_id()};
    EXPECT_EQ(value_of(renew(one, ids)), value_of(renew(two, ids)));
  }

  std::mt19937 random_;
};
INSTANTIATE_TEST_SUITE_P(on, limit_model,
                         ::testing::Values(shared_by::redis, shared_by::sqlite, shared_by::mariadb,
                                           shared_by::postgresql),
                         adapter_name);

TEST_P(limit_model, answers_as_the_store_in_memory_does) {
  auto opened = open();
  const auto memory = make_memory_limit_store();
  const auto seed = std::random_device{}();
  random_.seed(seed);
  const int calls = on_redis(GetParam()) ? 5000 : 2000;
  for (int n = 0; n < calls && !HasFailure(); ++n) {
    const auto what = any(0, 9);
    if (what < 6)
      compare_reserve(*opened.limits, *memory);
    else if (what < 9)
      compare_settle(*opened.limits, *memory);
    else
      compare_renew(*opened.limits, *memory);
  }
  EXPECT_FALSE(HasFailure()) << "seed " << seed;
}

} // namespace
} // namespace troupe::test
