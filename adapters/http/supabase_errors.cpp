#include "adapters/http/supabase_errors.hpp"

#include "adapters/http/error_to_status.hpp"
#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::http {
namespace {

struct word {
  std::string_view code;
  unsigned status;
};

// GoTrue's statuses of its words, as far as services give these as the reason of an error.
constexpr word words[] = {
    {"account_not_found", 403},
    {"admin_not_allowed", 403},
    {"anonymous_provider_disabled", 422},
    {"bad_code_verifier", 400},
    {"bad_json", 400},
    {"bad_jwt", 403},
    {"bad_oauth_state", 400},
    {"email_exists", 422},
    {"email_not_confirmed", 400},
    {"email_not_verified", 403},
    {"email_provider_disabled", 422},
    {"flow_state_not_found", 404},
    {"invalid_credentials", 400},
    {"no_authorization", 401},
    {"not_admin", 403},
    {"otp_expired", 403},
    {"over_email_send_rate_limit", 429},
    {"over_request_rate_limit", 429},
    {"phone_provider_disabled", 422},
    {"provider_refused", 403},
    {"refresh_token_already_used", 400},
    {"refresh_token_not_found", 400},
    {"session_not_found", 403},
    {"signup_disabled", 422},
    {"unsupported_grant_type", 400},
    {"user_already_exists", 422},
    {"user_banned", 403},
    {"user_not_found", 404},
    {"validation_failed", 400},
    {"weak_password", 422},
};

const word* find(std::string_view code) noexcept {
  const auto* at = std::ranges::find(words, code, &word::code);
  return at == std::end(words) ? nullptr : at;
}

// The word for an error that the rest of the program has in its own words.
std::string_view word_for(const error& why) noexcept {
  if (find(why.reason) != nullptr) return why.reason;
  switch (why.code) {
    case errc::unauthenticated:
      return why.reason == "missing_credential" ? "no_authorization" : "bad_jwt";
    case errc::forbidden:
      return "not_admin";
    case errc::not_found:
      return "user_not_found";
    case errc::rate_limited:
      return "over_request_rate_limit";
    case errc::conflict:
      return why.param == "email" ? "email_exists" : "conflict";
    case errc::invalid_argument:
      return why.param == "password" ? "weak_password" : "validation_failed";
    default:
      return "unexpected_failure";
  }
}

} // namespace

bool wants_error_words(std::string_view version) noexcept {
  return version.size() == supabase_version.size() && version >= supabase_version;
}

supabase_answer supabase_error(const error& why, bool with_words) {
  const auto code = word_for(why);
  const auto* known = find(code);
  supabase_answer out;
  out.status = known != nullptr ? known->status : status_of(why);
  const auto text = chat_json::quoted(why.message.empty() ? to_string(why.code) : why.message);
  if (with_words)
    out.body = R"({"code":)" + chat_json::quoted(code) + R"(,"message":)" + text;
  else
    out.body = R"({"code":)" + std::to_string(out.status) + R"(,"error_code":)" +
               chat_json::quoted(code) + R"(,"msg":)" + text;
  if (code == "weak_password") out.body += R"(,"weak_password":{"reasons":["length"]})";
  if (tells_started(out.status, why.started)) out.body += started_member(why.started);
  out.body += '}';
  return out;
}

} // namespace troupe::http
