// Goal: a token of another issuer finds its account, which is made once however many tokens come at
// once, and what is down is never a wrong credential. Method: the service auth on stores in memory,
// with an issuer in the test's hand; tokens are real.
#include "actors/auth/auth_actor.hpp"
#include "actors/support/unix_time.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "tests/support/ask.hpp"
#include "tests/unit/actors/actor_fixture.hpp"
#include "tests/unit/adapters/foreign_support.hpp"

#include <mutex>
#include <thread>

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// Answers with the keys of the issuer, or that it is not reached.
class fetch_in_hand final : public http_fetch {
public:
  void fetch(fetch_request wish, reply<fetch_reply> answer) override {
    EXPECT_EQ(wish.url, "https://issuer.example/keys");
    ++asked;
    if (down) return answer.fail(make_error(errc::unavailable, "not reached"));
    answer(fetch_reply{200, "application/json", "", test::the_issuer().jwks()});
  }
  int asked = 0;
  bool down = false;
};

class broken_identities final : public identity_store {
public:
  void insert_identity(identity_row, reply<done> answer) override { answer.fail(gone()); }
  void identity(std::string, std::string, reply<identity_row> answer) override {
    answer.fail(gone());
  }
  void identities_of(std::string, reply<std::vector<identity_row>> answer) override {
    answer.fail(gone());
  }

private:
  static error gone() { return make_error(errc::unavailable, "the store is down"); }
};

class foreign_accounts_test : public actor_fixture {
protected:
  foreign_accounts_test() {
    deps_.in = open_memory_auth_stores().value();
    deps_.hasher = make_password_hasher();
    deps_.signer =
        make_token_signer({.keys = {{.text = {make_signing_key(jws_alg::eddsa)}}}}).value();
    deps_.digest = make_digests();
    deps_.claimed_issuer = claimed_issuer;
    deps_.fetch = fetch_;
    deps_.audit = [this](const audit_event& event, const op_context&) {
      const std::lock_guard lock(mutex_);
      events_.emplace_back(event.event);
    };
    deps_.issuers.push_back(
        {.name = "acme",
         .issuer = test::issuer,
         .verifier = test::verifier_of({.issuer = test::issuer, .audiences = {"troupe"}}),
         .keys_url = "https://issuer.example/keys"});
  }
  ~foreign_accounts_test() override { end(caf::actor_cast<caf::actor>(auth_)); }

  static std::string token(const std::string& sub, const std::string& more = {}) {
    return test::the_issuer().token(R"({"sub":")" + sub + R"(","iss":")" + test::issuer +
                                    R"(","aud":"troupe","exp":)" +
                                    std::to_string(unix_now() + 600) + more + "}");
  }

  using box = std::shared_ptr<std::optional<outcome<authenticate_reply>>>;
  box begin(const std::string& credential) {
    if (!auth_) auth_ = spawn_auth(system_, deps_);
    authenticate_request question;
    question.credential.value = credential;
    return send(auth_, std::move(question));
  }
  /// The stores answer on a thread of theirs.
  outcome<authenticate_reply> end_of(const box& asked) {
    for (const auto until = std::chrono::steady_clock::now() + 5s;
         !*asked && std::chrono::steady_clock::now() < until;) {
      run();
      std::this_thread::sleep_for(1ms);
    }
    return asked->value_or(std::unexpected(make_error(errc::internal, "no answer came")));
  }
  outcome<authenticate_reply> who(const std::string& credential) {
    return end_of(begin(credential));
  }
  using actor_fixture::end;

  std::shared_ptr<fetch_in_hand> fetch_ = std::make_shared<fetch_in_hand>();
  auth_deps deps_;
  auth_service::actor auth_;
  std::mutex mutex_;
  std::vector<std::string> events_; // guarded by mutex_
};

TEST_F(foreign_accounts_test, a_token_finds_the_account_that_its_first_one_made) {
  const auto first = who(token("u-1"));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->who.user.empty());
  EXPECT_TRUE(first->who.session.empty());
  EXPECT_TRUE(first->who.key.empty());
  EXPECT_FALSE(first->who.admin);
  EXPECT_NEAR(static_cast<double>(first->expires_at), static_cast<double>(unix_now() + 600), 5);
  EXPECT_EQ(who(token("u-1"))->who.user, first->who.user);
  EXPECT_NE(who(token("u-2"))->who.user, first->who.user);
  EXPECT_EQ(fetch_->asked, 1);
}

TEST_F(foreign_accounts_test, many_first_tokens_at_once_make_one_account) {
  const std::string more = R"(,"email":"ann@x.example","email_verified":true)";
  std::vector<box> asked;
  for (int i = 0; i < 20; ++i)
    asked.push_back(begin(token("u-1", more + ",\"jti\":" + std::to_string(i))));
  std::vector<std::string> users;
  for (const auto& each : asked) {
    const auto found = end_of(each);
    ASSERT_TRUE(found) << found.error().message;
    users.push_back(found->who.user);
  }
  EXPECT_EQ(std::ranges::count(users, users.front()), 20);
  EXPECT_EQ(std::ranges::count(events_, "auth.foreign_first_seen"), 1);
}

TEST_F(foreign_accounts_test, an_account_that_was_deleted_does_not_come_back_with_its_id) {
  const auto before = who(token("u-1"))->who.user;
  (void)test::ask<done>([&](auto r) { deps_.in.users->delete_user(before, std::move(r)); });
  const auto after = who(token("u-1"));
  ASSERT_TRUE(after);
  EXPECT_NE(after->who.user, before);
}

TEST_F(foreign_accounts_test, a_store_that_is_down_is_no_wrong_credential) {
  deps_.in.identities = std::make_shared<broken_identities>();
  EXPECT_EQ(who(token("u-1")).error().code, errc::unavailable);
}

TEST_F(foreign_accounts_test, an_issuer_that_is_down_is_no_wrong_credential) {
  fetch_->down = true;
  const auto refused = who(token("u-1"));
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_GT(refused.error().retry_after_ms, 0u);
  EXPECT_EQ(who(token("u-1", R"(,"nbf":4000000000)")).error().code, errc::unauthenticated);
}

TEST_F(foreign_accounts_test, a_token_of_an_issuer_that_nobody_named_asks_nobody) {
  const auto stranger = test::the_issuer().token(test::payload({}, "https://evil.example"));
  EXPECT_EQ(who(stranger).error().code, errc::unauthenticated);
  EXPECT_EQ(fetch_->asked, 1); // that of the start
}

} // namespace
} // namespace troupe
