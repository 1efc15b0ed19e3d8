#include "actors/auth/token_mail.hpp"

#include "messages/base/log.hpp"

#include <utility>

namespace troupe {
namespace {

mail letter_of(const auth_deps& d, mail_kind kind, const sign_in_rules::mail_token& token,
               const user_row& user) {
  const auto& policy = d.sign_in;
  const auto on = sign_in_rules::flow_of(token.row);
  mail_values values;
  values.confirmation_url = sign_in_rules::link_of(policy, kind, token, on.redirect_to);
  values.token = token.code;
  values.token_hash = token.link;
  values.site_url = policy.redirect.site_url;
  values.email = user.email;
  if (kind == mail_kind::email_change) values.new_email = token.row.email;
  values.redirect_to = on.redirect_to;
  return d.texts->render(kind, values, token.row.email);
}

} // namespace

void send_token_mail(const auth_deps& d, mail_kind kind, const sign_in_rules::mail_token& token,
                     const user_row& user, reply<done> stored) {
  d.in.one_time->put(
      token.row, true,
      reply<done>([out = d.mail, letter = letter_of(d, kind, token, user), kind, user = user.id,
                   stored = std::move(stored)](result<done> put) mutable {
        if (!put) return stored(std::move(put));
        out->send(std::move(letter), reply<done>([kind, user](const result<done>& sent) {
                    if (sent) return;
                    log::warn("auth.mail_failed", {{"kind", sign_in_rules::stored_as(kind)},
                                                   {"user", user},
                                                   {"why", sent.error().message}});
                  }));
        stored(done{});
      }));
}

} // namespace troupe
