#pragma once

#include "actors/auth/foreign_accounts.hpp"
#include "actors/auth/provider_directory.hpp"

#include <memory>
#include <string>

namespace troupe {

/// Inside actors/auth only: the part of the service auth with which people sign in at another
/// OpenID Connect provider and get a session of ours.
class provider_sign_in : public foreign_accounts {
public:
  provider_sign_in(pointer self, slot_registry& slots, auth_deps deps)
      : foreign_accounts(self, slots, std::move(deps)), directory_(surroundings()) {}
  using foreign_accounts::on;

  void on(call<authorize_request>& c, answer<sign_in_reply> a);
  void on(call<provider_callback_request>& c, answer<sign_in_reply> a);
  void on(call<id_token_request>& c, answer<session_reply> a);

private:
  /// Somebody who comes back from a provider.
  struct visit {
    const foreign_issuer* from;
    oidc_rules::pending_sign_in pending;
    std::string code;
    std::string iss; // as the callback says
    op_context op;
    continuation<sign_in_reply> then;
  };
  using visitor = std::shared_ptr<visit>;

  [[nodiscard]] const foreign_issuer* provider(std::string_view name) const;
  [[nodiscard]] std::string redirect_uri(const foreign_issuer& of) const;
  void send_there(const foreign_issuer& from, authorize_request in, flow on,
                  answer<sign_in_reply> a);
  void come_back(provider_callback_request in, const one_time_row& row, op_context op,
                 answer<sign_in_reply> a);
  void exchange(const visitor& who);
  void ask_tokens(const visitor& who, const oidc_rules::provider_metadata& at);
  void judge(const visitor& who, oidc_rules::provider_tokens tokens,
             const oidc_rules::provider_metadata& at);
  void complete(const visitor& who, foreign_claims claims, const std::string& access_token,
                const oidc_rules::provider_metadata& at);
  void let_in(const visitor& who, foreign_claims claims);
  void go_on(const visitor& who, user_row user);
  /// The account that the claims lead to, if it may sign in.
  void user_of(const foreign_issuer& from, foreign_claims claims, const op_context& op,
               continuation<user_row> then);
  void allow(user_row user, const std::string& provider, const op_context& op,
             continuation<user_row> then);

  provider_directory directory_;
};

} // namespace troupe
