#include "actors/auth/provider_sign_in.hpp"

#include "actors/auth/auth_rules.hpp"
#include "actors/support/unix_time.hpp"

#include <utility>

namespace troupe {

using oidc_rules::provider_metadata;
using oidc_rules::provider_tokens;

const foreign_issuer* provider_sign_in::provider(std::string_view name) const {
  const auto* found = issuer_named(name);
  return found != nullptr && !found->client.id.empty() ? found : nullptr;
}

std::string provider_sign_in::redirect_uri(const foreign_issuer& of) const {
  return d_.sign_in.public_url + "/auth/v1/callback/" + of.name;
}

// there

void provider_sign_in::on(call<authorize_request>& c, answer<sign_in_reply> a) {
  auto in = std::move(c.body);
  const auto* from = provider(in.provider);
  if (from == nullptr) return a.fail(oidc_rules::unsupported_provider(in.provider));
  auto on = checked_flow(in.redirect_to, in.code_challenge, in.code_challenge_method);
  if (!on) return a.fail(std::move(on.error()));
  may_try(c.op, {},
          [this, from, in = std::move(in), on = std::move(*on),
           a = std::move(a)](result<done> may) mutable {
            if (!may) return a.fail(std::move(may.error()));
            send_there(*from, std::move(in), std::move(on), std::move(a));
          });
}

void provider_sign_in::send_there(const foreign_issuer& from, authorize_request in, flow on,
                                  answer<sign_in_reply> a) {
  directory_.metadata(from, [this, from = &from, in = std::move(in), on = std::move(on),
                             a = std::move(a)](result<provider_metadata> at) mutable {
    if (!at) return a.fail(std::move(at.error()));
    const auto pending = oidc_rules::begin(in.provider, std::move(on), *d_.digest);
    auto location = oidc_rules::authorization_url(*at, from->client, redirect_uri(*from), pending,
                                                  in.scopes, in.hints, *d_.digest);
    d_.in.one_time->put(oidc_rules::row_of(pending, *d_.digest, unix_now()), false,
                        to_self<done>([location = std::move(location),
                                       a = std::move(a)](result<done> stored) mutable {
                          if (!stored) return a.fail(std::move(stored.error()));
                          a(sign_in_reply{{}, std::move(location)});
                        }));
  });
}

// and back

void provider_sign_in::on(call<provider_callback_request>& c, answer<sign_in_reply> a) {
  auto in = std::move(c.body);
  const auto op = c.op;
  // Whoever has no sign-in under way is sent where everybody may be sent.
  continuation<one_time_row> then = [this, in, op,
                                     a = std::move(a)](result<one_time_row> row) mutable {
    if (row) return come_back(std::move(in), *row, std::move(op), std::move(a));
    auto why =
        row.error().code == errc::not_found ? oidc_rules::bad_state() : std::move(row.error());
    const auto& site = d_.sign_in.redirect.site_url;
    if (site.empty()) return a.fail(std::move(why));
    a(sign_in_reply{{}, sign_in_rules::location_of(site, why)});
  };
  if (in.state.value.empty() || provider(in.provider) == nullptr)
    return then(std::unexpected(oidc_rules::bad_state()));
  may_try(op, {},
          [this, hash = d_.digest->sha256_hex(in.state.value),
           then = std::move(then)](result<done> may) mutable {
            if (!may) return then(std::unexpected(std::move(may.error())));
            d_.in.one_time->take(std::string(oidc_rules::state_kind), std::move(hash), unix_now(),
                                 to_self<one_time_row>(std::move(then)));
          });
}

void provider_sign_in::come_back(provider_callback_request in, const one_time_row& row,
                                 op_context op, answer<sign_in_reply> a) {
  auto pending = oidc_rules::pending_of(row);
  const auto to = pending.on.redirect_to;
  // Every provider has a callback of its own (RFC 9700, 4.4): what another one sends here is not
  // shown to this one.
  const auto* from = in.provider == pending.provider ? provider(in.provider) : nullptr;
  const bool is_mixed_up = from == nullptr || (!in.iss.empty() && in.iss != from->issuer);
  if (is_mixed_up)
    return a(sign_in_reply{{}, sign_in_rules::location_of(to, oidc_rules::bad_state())});
  if (!in.error.empty()) {
    const auto why = oidc_rules::refused_by_provider(in.error, in.error_description);
    return a(
        sign_in_reply{{}, sign_in_rules::location_of(to, why, oidc_rules::first_of(in.error, 64))});
  }
  continuation<sign_in_reply> then = [to, a = std::move(a)](result<sign_in_reply> r) mutable {
    if (r) return a(std::move(*r));
    a(sign_in_reply{{}, sign_in_rules::location_of(to, r.error())});
  };
  exchange(std::make_shared<visit>(from, std::move(pending), std::move(in.code.value),
                                   std::move(in.iss), std::move(op), std::move(then)));
}

void provider_sign_in::exchange(const visitor& who) {
  directory_.metadata(*who->from, [this, who](result<provider_metadata> at) {
    if (!at) return who->then(std::unexpected(std::move(at.error())));
    if (at->tells_issuer && who->iss.empty()) // RFC 9207
      return who->then(std::unexpected(oidc_rules::bad_state()));
    ask_tokens(who, *at);
  });
}

void provider_sign_in::ask_tokens(const visitor& who, const provider_metadata& at) {
  auto wish = oidc_rules::token_request(at, who->from->client, redirect_uri(*who->from), who->code,
                                        who->pending.verifier);
  d_.fetch->fetch(std::move(wish),
                  to_self<fetch_reply>([this, who, at](result<fetch_reply> answer) {
                    if (!answer) return who->then(std::unexpected(std::move(answer.error())));
                    auto tokens = oidc_rules::tokens_of(*answer);
                    if (!tokens) return who->then(std::unexpected(std::move(tokens.error())));
                    judge(who, std::move(*tokens), at);
                  }));
}

void provider_sign_in::judge(const visitor& who, provider_tokens tokens,
                             const provider_metadata& at) {
  auto id_token = std::move(tokens.id_token);
  claims_of(*who->from, std::move(id_token),
            [this, who, access_token = std::move(tokens.access_token),
             at](result<foreign_claims> claims) {
              if (!claims) return who->then(std::unexpected(std::move(claims.error())));
              const auto fits =
                  oidc_rules::check_id_token(*claims, who->from->client.id, who->pending.nonce);
              if (!fits) return who->then(std::unexpected(fits.error()));
              complete(who, std::move(*claims), access_token, at);
            });
}

/// Some providers keep the e-mail out of the id token.
void provider_sign_in::complete(const visitor& who, foreign_claims claims,
                                const std::string& access_token, const provider_metadata& at) {
  if (!claims.email.empty() || at.userinfo_endpoint.empty() || access_token.empty())
    return let_in(who, std::move(claims));
  d_.fetch->fetch(oidc_rules::userinfo_request(at, access_token),
                  to_self<fetch_reply>(
                      [this, who, claims = std::move(claims)](result<fetch_reply> answer) mutable {
                        if (!answer) return who->then(std::unexpected(std::move(answer.error())));
                        auto whole = oidc_rules::with_userinfo(std::move(claims), *answer);
                        if (!whole) return who->then(std::unexpected(std::move(whole.error())));
                        let_in(who, std::move(*whole));
                      }));
}

void provider_sign_in::let_in(const visitor& who, foreign_claims claims) {
  user_of(*who->from, std::move(claims), who->op, [this, who](result<user_row> user) {
    if (!user) return who->then(std::unexpected(std::move(user.error())));
    go_on(who, std::move(*user));
  });
}

void provider_sign_in::go_on(const visitor& who, user_row user) {
  const auto& on = who->pending.on;
  if (!on.pkce.value.empty())
    return go_on_with_code(on, oidc_rules::session_method, std::move(user.id),
                           std::move(who->then));
  open_session(std::move(user), std::string(oidc_rules::session_method), who->op,
               [who](result<session_reply> session) {
                 if (!session) return who->then(std::unexpected(std::move(session.error())));
                 const auto to =
                     sign_in_rules::location_of(who->pending.on.redirect_to, *session, {});
                 who->then(sign_in_reply{std::move(*session), to});
               });
}

// a token that a client brings

void provider_sign_in::on(call<id_token_request>& c, answer<session_reply> a) {
  const auto* from = issuer_named(c.body.provider);
  if (from == nullptr || !from->gives_id_tokens)
    return a.fail(oidc_rules::no_id_tokens(c.body.provider));
  auto signed_in = [this, op = c.op, a = std::move(a)](result<user_row> user) mutable {
    if (!user) return a.fail(std::move(user.error()));
    open_session(std::move(*user), std::string(oidc_rules::session_method), op, std::move(a));
  };
  auto judged = [this, from, op = c.op, nonce = std::move(c.body.nonce.value),
                 then = std::move(signed_in)](result<foreign_claims> claims) mutable {
    if (!claims) return then(std::unexpected(std::move(claims.error())));
    const auto fits = oidc_rules::check_brought_token(*claims, from->audiences, nonce, *d_.digest);
    if (!fits) return then(std::unexpected(fits.error()));
    user_of(*from, std::move(*claims), op, std::move(then));
  };
  may_try(c.op, {},
          [this, from, token = std::move(c.body.id_token.value),
           then = std::move(judged)](result<done> may) mutable {
            if (!may) return then(std::unexpected(std::move(may.error())));
            claims_of(*from, std::move(token), std::move(then));
          });
}

// the account

void provider_sign_in::user_of(const foreign_issuer& from, foreign_claims claims,
                               const op_context& op, continuation<user_row> then) {
  enter(from, std::move(claims), op,
        [this, name = from.name, op, then = std::move(then)](result<holder> found) mutable {
          if (!found) return then(std::unexpected(std::move(found.error())));
          d_.in.users->user_by_id(
              std::move(found->user_id),
              to_self<user_row>([this, name = std::move(name), op = std::move(op),
                                 then = std::move(then)](result<user_row> user) mutable {
                if (!user) return then(std::move(user));
                allow(std::move(*user), name, op, std::move(then));
              }));
        });
}

/// No other issuer vouches for an admin.
void provider_sign_in::allow(user_row user, const std::string& provider, const op_context& op,
                             continuation<user_row> then) {
  if (account_rules::is_banned(user, account_rules::now_text()))
    return then(std::unexpected(auth_rules::banned()));
  if (user.role == "admin") return then(std::unexpected(oidc_rules::admin_not_allowed()));
  d_.audit({.event = "auth.login", .user = user.id, .more = {{"provider", provider}}}, op);
  then(std::move(user));
}

} // namespace troupe
