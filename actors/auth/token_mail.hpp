#pragma once

#include "actors/auth/auth_deps.hpp"

namespace troupe {

/// Stores the token in the place of the user's earlier one of its kind, and hands its mail to the
/// mailer. Answers when it is stored, on a thread of the store; whether the mail went out is only
/// logged, so that no answer tells by its time whether there was a mail to send. Needs d.mail.
void send_token_mail(const auth_deps& d, mail_kind kind, const sign_in_rules::mail_token& token,
                     const user_row& user, reply<done> stored);

} // namespace troupe
