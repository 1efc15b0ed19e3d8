#pragma once

#include "actors/auth/account_base.hpp"
#include "actors/auth/cap_rules.hpp"
#include "actors/protocols.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/log.hpp"

namespace troupe {

/// Inside actors/auth only: how often somebody may try to sign in or up, or to prove a password.
/// All nodes that share the limit store count together; one that is down refuses with
/// `unavailable`.
class throttled_account : public account_base<auth_service> {
public:
  using account_base::account_base;

protected:
  /// Whether this address, and this account unless it is empty, may try once more; counts the try.
  void may_try(const op_context& op, const std::string& account, continuation<done> then) {
    auto wants = cap_rules::try_from(op.client_address, d_.attempts);
    const auto tries = wants.size();
    if (!account.empty())
      for (auto& look : cap_rules::failure_of(account, 0, d_.attempts)) wants.push_back(look);
    if (wants.empty()) return then(done{});
    d_.limits->reserve(
        make_uuid(), std::move(wants),
        to_self<limit_verdict>([tries, then = std::move(then)](result<limit_verdict> said) mutable {
          if (!said) return then(std::unexpected(std::move(said.error())));
          if (!said->granted) return then(refused(said->retry_after));
          // A look takes nothing, so it is granted also when nothing is left.
          for (auto i = tries; i < said->states.size(); ++i)
            if (said->states[i].remaining == 0) return then(refused(said->states[i].reset));
          then(done{});
        }));
  }

  void note_failure(const std::string& account) {
    auto wants = cap_rules::failure_of(account, 1, d_.attempts);
    if (!wants.empty())
      d_.limits->reserve(make_uuid(), std::move(wants),
                         reply<limit_verdict>([](const result<limit_verdict>& said) {
                           if (!said)
                             log::warn("auth.failure_uncounted", {{"why", said.error().message}});
                         }));
  }

  /// Names an account to the limits without telling its e-mail.
  [[nodiscard]] std::string account_of(std::string_view email) const {
    return d_.digest->sha256_hex(email_key(std::string(email)));
  }

private:
  static result<done> refused(std::chrono::milliseconds retry_after) {
    return std::unexpected(cap_rules::too_many_tries(retry_after));
  }
};

} // namespace troupe
