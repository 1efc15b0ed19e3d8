#include "actors/auth/sign_in_rules.hpp"

#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace troupe::sign_in_rules {
namespace {

struct kind_words {
  std::string_view stored;
  std::string_view type;
};

/// In the order of mail_kind.
constexpr std::array<kind_words, mail_kind_count> words{{{"confirm", "signup"},
                                                         {"recovery", "recovery"},
                                                         {"magic_link", "magiclink"},
                                                         {"email_change", "email_change"},
                                                         {"invite", "invite"}}};

/// Six digits out of 60 random bits: none is likelier than another by more than 2^-40.
std::string make_code(const digests& digest) {
  const auto hex = digest.sha256_hex(digest.random_token(32));
  std::uint64_t bits = 0;
  std::from_chars(hex.data(), hex.data() + 15, bits, 16);
  auto digits = std::to_string(bits % 1'000'000);
  return digits.insert(0, 6 - digits.size(), '0');
}

/// The user's id keeps equal codes of two users apart.
std::string code_hash(const std::string& user_id, std::string_view code, const digests& digest) {
  return digest.sha256_hex(user_id + ':' + std::string(code));
}

json_text extra_of(const flow& on, std::string_view hash, std::int64_t tries) {
  return chat_json::object_builder()
      .add("redirect_to", on.redirect_to)
      .add("challenge", on.pkce.value)
      .add("challenge_method", on.pkce.method)
      .add("password", on.password_hash)
      .add("code", hash)
      .add("tries", tries)
      .build();
}

std::string text_of(const one_time_row& row, std::string_view name) {
  return chat_json::string_field(row.extra, name).value_or("");
}

} // namespace

error refusal(errc code, std::string_view reason, std::string message) {
  auto why = make_error(code, std::move(message));
  why.reason = reason;
  return why;
}

error no_phones() {
  return refusal(errc::invalid_argument, "phone_provider_disabled",
                 "there are no text messages here: use an e-mail address");
}

error no_mails() {
  return refusal(errc::invalid_argument, "email_provider_disabled",
                 "this server sends no mails (mail.smtp_url)");
}

error bad_token() {
  return refusal(errc::forbidden, "otp_expired", "Email link is invalid or has expired");
}

error email_not_confirmed() {
  return refusal(errc::forbidden, "email_not_confirmed",
                 "Email not confirmed: follow the link in the mail, or ask for another");
}

std::string_view stored_as(mail_kind kind) noexcept {
  return words[static_cast<std::size_t>(kind)].stored;
}

std::string_view type_of(mail_kind kind) noexcept {
  return words[static_cast<std::size_t>(kind)].type;
}

std::vector<mail_kind> kinds_of(std::string_view type) {
  using enum mail_kind;
  // Clients call any code that was mailed for a sign-in `email`.
  if (type == "email") return {magic_link, confirm_signup};
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i].type == type) return {static_cast<mail_kind>(i)};
  return {};
}

mail_token make_mail_token(mail_kind kind, const std::string& user_id, std::string email,
                           const flow& on, const digests& digest, std::int64_t now,
                           std::chrono::seconds ttl) {
  mail_token out;
  out.link = digest.random_token(32);
  out.code = make_code(digest);
  out.row.hash = digest.sha256_hex(out.link);
  out.row.kind = stored_as(kind);
  out.row.user_id = user_id;
  out.row.email = std::move(email);
  out.row.extra = extra_of(on, code_hash(user_id, out.code, digest), 0);
  out.row.created_at = now;
  out.row.expires_at = now + ttl.count();
  return out;
}

flow flow_of(const one_time_row& row) {
  return {text_of(row, "redirect_to"), pkce_flow::challenge_of(row), text_of(row, "password")};
}

std::string link_of(const sign_in_policy& in, mail_kind kind, const mail_token& token,
                    const std::string& redirect_to) {
  redirect_rules::parameters query{{"token", token.link}, {"type", std::string(type_of(kind))}};
  if (!redirect_to.empty()) query.emplace_back("redirect_to", redirect_to);
  return redirect_rules::with_query(in.public_url + "/auth/v1/verify", query);
}

bool is_code(const one_time_row& row, std::string_view code, const digests& digest) {
  const auto wanted = text_of(row, "code");
  return !wanted.empty() && wanted == code_hash(row.user_id, code, digest);
}

one_time_row after_wrong_code(one_time_row row) {
  const auto tries =
      static_cast<std::int64_t>(chat_json::number_field(row.extra, "tries").value_or(0)) + 1;
  const bool dead = tries >= limits::mail_code_tries;
  row.extra = extra_of(flow_of(row), dead ? std::string() : text_of(row, "code"), tries);
  return row;
}

result<proof> prove(user_row user, const one_time_row& token, std::string now) {
  proof out{std::move(user), false};
  if (token.kind == stored_as(mail_kind::email_change)) {
    set_proved_email(out.user, token.email, std::move(now));
    return out;
  }
  if (email_key(out.user.email) != email_key(token.email)) return std::unexpected(bad_token());
  if (!out.user.email_confirmed_at.empty()) return out;
  out.user.email_confirmed_at = std::move(now);
  // An admin's link has no password of its own: it confirms the account as it is.
  const auto hash = text_of(token, "password");
  const bool is_signup = token.kind == stored_as(mail_kind::confirm_signup);
  if (is_signup && (hash.empty() || hash == out.user.password_hash)) return out;
  out.user.password_hash = hash;
  out.takes_over = true;
  return out;
}

void set_proved_email(user_row& to, std::string email, std::string now) {
  to.email = std::move(email);
  to.email_confirmed_at = std::move(now);
  if (!std::exchange(to.anonymous, false)) return;
  to.app_metadata.raw = R"({"provider":"email","providers":["email"]})";
}

std::string location_of(const std::string& to, const session_reply& session,
                        std::string_view type) {
  redirect_rules::parameters said{{"access_token", session.access_token},
                                  {"expires_at", std::to_string(session.expires_at)},
                                  {"expires_in", std::to_string(session.expires_in)},
                                  {"refresh_token", session.refresh_token},
                                  {"token_type", session.token_type}};
  if (!type.empty()) said.emplace_back("type", type);
  return redirect_rules::with_fragment(to, said);
}

std::string location_of(const std::string& to, const error& why, std::string_view word) {
  const bool ours = why.code == errc::forbidden || why.code == errc::invalid_argument ||
                    why.code == errc::conflict;
  if (word.empty()) word = ours ? "access_denied" : "server_error";
  const redirect_rules::parameters said{
      {"error", std::string(word)},
      {"error_code", why.reason.empty() ? "unexpected_failure" : why.reason},
      {"error_description", why.message}};
  // Clients with PKCE read the query, all others the fragment.
  return redirect_rules::with_fragment(redirect_rules::with_query(to, said), said);
}

} // namespace troupe::sign_in_rules
