#include "actors/auth/auth_rules.hpp"
#include "actors/auth/oidc_rules.hpp"
#include "actors/auth/sign_in_flows.hpp"
#include "actors/auth/token_mail.hpp"
#include "actors/support/unix_time.hpp"

/// What comes back from a mail, and the end of a sign-in with PKCE.
namespace troupe {

using account_rules::now_text;
using sign_in_rules::bad_token;
using sign_in_rules::refusal;

namespace {

error bad_token_or(error why) {
  if (why.code == errc::conflict && why.param == "email") why.reason = "email_exists";
  return why.code == errc::not_found ? bad_token() : std::move(why);
}

} // namespace

void sign_in_flows::on(call<verify_mail_request>& c, answer<sign_in_reply> a) {
  auto in = std::move(c.body);
  if (!in.phone.empty()) return a.fail(sign_in_rules::no_phones());
  auto to = redirect_rules::target(d_.sign_in.redirect, in.redirect_to);
  if (!in.redirect_to.empty()) in.redirect_to = to;
  continuation<sign_in_reply> then = [to = std::move(to), by_link = in.by_link,
                                      a = std::move(a)](result<sign_in_reply> r) mutable {
    if (r) return a(std::move(*r));
    if (!by_link || to.empty()) return a.fail(std::move(r.error()));
    a(sign_in_reply{{}, sign_in_rules::location_of(to, r.error())});
  };
  const auto op = c.op;
  // A code can be guessed, a link cannot.
  const auto account =
      in.token_hash.value.empty() && !in.email.empty() ? account_of(in.email) : std::string();
  may_try(op, account,
          [this, in = std::move(in), op, then = std::move(then)](result<done> may) mutable {
            if (!may) return then(std::unexpected(std::move(may.error())));
            verify(std::move(in), op, std::move(then));
          });
}

void sign_in_flows::verify(verify_mail_request in, op_context op,
                           continuation<sign_in_reply> then) {
  take_token(in, [this, in, op, then = std::move(then)](result<one_time_row> token) mutable {
    if (!token && in.token_hash.value.empty() && !in.email.empty())
      note_failure(account_of(in.email));
    if (!token) return then(std::unexpected(bad_token_or(std::move(token.error()))));
    prove(*token, op,
          [this, token = *token, in = std::move(in), op,
           then = std::move(then)](result<user_row> user) mutable {
            if (!user) return then(std::unexpected(bad_token_or(std::move(user.error()))));
            signed_in_by(token, std::move(in), std::move(*user), op, std::move(then));
          });
  });
}

// the token

void sign_in_flows::take_token(const verify_mail_request& in, continuation<one_time_row> after) {
  auto kinds = sign_in_rules::kinds_of(in.type);
  if (!in.token_hash.value.empty())
    return take_link(std::move(kinds), d_.digest->sha256_hex(in.token_hash.value),
                     std::move(after));
  if (in.token.value.empty() || in.email.empty())
    return after(std::unexpected(
        refusal(errc::invalid_argument, "validation_failed",
                "Verify requires either a token hash, or a token and an e-mail address")));
  d_.in.users->user_by_email(
      in.email, to_self<user_row>([this, kinds = std::move(kinds), code = in.token.value,
                                   after = std::move(after)](result<user_row> user) mutable {
        if (!user) return after(std::unexpected(std::move(user.error())));
        take_code(std::move(kinds), std::move(user->id), std::move(code), std::move(after));
      }));
}

void sign_in_flows::take_link(std::vector<mail_kind> kinds, std::string hash,
                              continuation<one_time_row> after) {
  if (kinds.empty()) return after(std::unexpected(bad_token()));
  const std::string stored(sign_in_rules::stored_as(kinds.front()));
  kinds.erase(kinds.begin());
  d_.in.one_time->take(
      stored, hash, unix_now(),
      to_self<one_time_row>([this, kinds = std::move(kinds), hash,
                             after = std::move(after)](result<one_time_row> row) mutable {
        if (row || row.error().code != errc::not_found) return after(std::move(row));
        take_link(std::move(kinds), std::move(hash), std::move(after));
      }));
}

/// The row is taken out before the code is looked at, so that of many guesses at once one counts.
void sign_in_flows::take_code(std::vector<mail_kind> kinds, std::string user_id, std::string code,
                              continuation<one_time_row> after) {
  if (kinds.empty()) return after(std::unexpected(bad_token()));
  const std::string stored(sign_in_rules::stored_as(kinds.front()));
  kinds.erase(kinds.begin());
  d_.in.one_time->newest(
      stored, user_id,
      to_self<one_time_row>([this, kinds = std::move(kinds), user_id, code = std::move(code),
                             after = std::move(after)](result<one_time_row> row) mutable {
        const bool is_over = row && row->expires_at <= unix_now();
        if (is_over || (!row && row.error().code == errc::not_found))
          return take_code(std::move(kinds), std::move(user_id), std::move(code), std::move(after));
        if (!row) return after(std::move(row));
        d_.in.one_time->take(
            row->kind, row->hash, unix_now(),
            to_self<one_time_row>([this, code = std::move(code),
                                   after = std::move(after)](result<one_time_row> taken) mutable {
              if (!taken) return after(std::move(taken));
              judge_code(std::move(*taken), code, std::move(after));
            }));
      }));
}

void sign_in_flows::judge_code(one_time_row row, const std::string& code,
                               continuation<one_time_row> after) {
  if (sign_in_rules::is_code(row, code, *d_.digest)) return after(std::move(row));
  d_.in.one_time->put(sign_in_rules::after_wrong_code(std::move(row)), true,
                      to_self<done>([after = std::move(after)](result<done> stored) mutable {
                        if (!stored) return after(std::unexpected(std::move(stored.error())));
                        after(std::unexpected(bad_token()));
                      }));
}

// what it proves

void sign_in_flows::prove(const one_time_row& token, const op_context& op,
                          continuation<user_row> after) {
  auto takes_over = std::make_shared<bool>(false);
  change_user(
      token.user_id,
      [token, takes_over](user_row& row) -> result<void> {
        if (account_rules::is_banned(row, now_text())) return std::unexpected(auth_rules::banned());
        auto proved = sign_in_rules::prove(row, token, now_text());
        if (!proved) return std::unexpected(std::move(proved.error()));
        *takes_over = proved->takes_over;
        row = std::move(proved->user);
        return {};
      },
      [this, takes_over, kind = token.kind, op,
       after = std::move(after)](result<user_row> user) mutable {
        if (!user) return after(std::move(user));
        d_.audit({.event = "auth.mail_verified", .user = user->id, .more = {{"kind", kind}}}, op);
        if (!*takes_over) return after(std::move(user));
        end_sessions(user->id, {},
                     [user = *user, after = std::move(after)](result<done> ended) mutable {
                       if (!ended) return after(std::unexpected(std::move(ended.error())));
                       after(std::move(user));
                     });
      });
}

void sign_in_flows::signed_in_by(const one_time_row& token, verify_mail_request in, user_row user,
                                 const op_context& op, continuation<sign_in_reply> after) {
  auto on = sign_in_rules::flow_of(token);
  if (!in.redirect_to.empty()) on.redirect_to = in.redirect_to;
  const bool browser = in.by_link && !on.redirect_to.empty();
  const std::string method = token.kind == "recovery" ? "recovery" : "otp";
  if (browser && !on.pkce.value.empty())
    return go_on_with_code(on, method, std::move(user.id), std::move(after));
  open_session(std::move(user), method, op,
               [to = on.redirect_to, browser, type = in.type,
                after = std::move(after)](result<session_reply> session) mutable {
                 if (!session) return after(std::unexpected(std::move(session.error())));
                 sign_in_reply out{std::move(*session), {}};
                 if (browser) out.location = sign_in_rules::location_of(to, out.session, type);
                 after(std::move(out));
               });
}

void sign_in_flows::go_on_with_code(const flow& on, std::string_view method, std::string user_id,
                                    continuation<sign_in_reply> after) {
  auto code = pkce_flow::make_code(std::move(user_id), method, on.pkce, *d_.digest, unix_now());
  auto location = redirect_rules::with_query(on.redirect_to, {{"code", code.text}});
  d_.in.one_time->put(std::move(code.row), false,
                      to_self<done>([location = std::move(location),
                                     after = std::move(after)](result<done> stored) mutable {
                        if (!stored) return after(std::unexpected(std::move(stored.error())));
                        after(sign_in_reply{{}, std::move(location)});
                      }));
}

// PKCE

void sign_in_flows::on(call<exchange_code_request>& c, answer<session_reply> a) {
  auto hash = d_.digest->sha256_hex(c.body.auth_code.value);
  d_.in.one_time->take(
      std::string(pkce_flow::code_kind), std::move(hash), unix_now(),
      to_self<one_time_row>([this, verifier = std::move(c.body.code_verifier), op = c.op,
                             a = std::move(a)](result<one_time_row> code) mutable {
        if (!code && code.error().code == errc::not_found)
          return a.fail(refusal(errc::not_found, "flow_state_not_found",
                                "invalid flow state, no valid flow state found"));
        if (!code) return a.fail(std::move(code.error()));
        if (!pkce_flow::fits(pkce_flow::challenge_of(*code), verifier.value, *d_.digest))
          return a.fail(refusal(errc::invalid_argument, "bad_code_verifier",
                                "code challenge does not match previously saved code verifier"));
        d_.in.users->user_by_id(
            code->user_id, to_self<user_row>([this, method = pkce_flow::method_of(*code), op,
                                              a = std::move(a)](result<user_row> user) mutable {
              if (!user) return a.fail(std::move(user.error()));
              if (account_rules::is_banned(*user, now_text())) return a.fail(auth_rules::banned());
              if (user->role == "admin" && method == oidc_rules::session_method)
                return a.fail(oidc_rules::admin_not_allowed());
              open_session(std::move(*user), std::move(method), op, std::move(a));
            }));
      }));
}

} // namespace troupe
