#pragma once

#include "actors/auth/foreign_issuers.hpp"
#include "actors/auth/sign_in_flows.hpp"

namespace troupe {

/// Inside actors/auth only: the part of the service auth that finds out whose a token of another
/// issuer is, and makes or links the account at the first one.
class foreign_accounts : public sign_in_flows {
public:
  foreign_accounts(pointer self, slot_registry& slots, auth_deps deps);
  using sign_in_flows::on;

protected:
  struct holder {
    std::string user_id;
    std::int64_t expires_at = 0; ///< Unix seconds
  };

  /// As foreign_issuers::start().
  void start_issuers() { issuers_.start(); }
  /// As foreign_issuers::issuer_of().
  [[nodiscard]] const foreign_issuer* issuer_of(std::string_view token) const {
    return issuers_.issuer_of(token);
  }
  /// As foreign_issuers::named().
  [[nodiscard]] const foreign_issuer* issuer_named(std::string_view name) const {
    return issuers_.named(name);
  }
  /// As foreign_issuers::verify().
  void claims_of(const foreign_issuer& from, std::string token, continuation<foreign_claims> then) {
    issuers_.verify(from, std::move(token), std::move(then));
  }
  /// Whoever these claims are of. The account may be banned, or gone by now. Errors: as the stores;
  /// `forbidden` when somebody unknown may not come in.
  void enter(const foreign_issuer& from, foreign_claims claims, op_context op,
             continuation<holder> then) {
    find({&from, std::move(claims), std::move(op), std::move(then)});
  }
  /// For a token that claims this issuer: both.
  void holder_of(const foreign_issuer& from, std::string token, op_context op,
                 continuation<holder> then);
  [[nodiscard]] foreign_issuers::surroundings surroundings();

private:
  /// One token on its way to its account.
  struct arrival {
    const foreign_issuer* from;
    foreign_claims claims;
    op_context op;
    continuation<holder> then;
    int tries = 3; // of many first tokens at once, one makes the account
    bool looked_again = false;
  };

  void find(arrival who);
  void first_sight(arrival who);
  void create(arrival who);
  void link(arrival who, const user_row& account);
  /// After a row was stored, or another one stood in its way.
  void finish(arrival who, const char* event, std::string user_id, const result<done>& stored);

  foreign_issuers issuers_;
};

} // namespace troupe
