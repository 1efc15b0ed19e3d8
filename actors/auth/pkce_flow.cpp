#include "actors/auth/pkce_flow.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <utility>

namespace troupe::pkce_flow {
namespace {

constexpr std::size_t verifier_min = 43, verifier_max = 128; // RFC 7636, 4.1

bool is_verifier(std::string_view text) noexcept {
  const auto unreserved = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").contains(c);
  };
  return text.size() >= verifier_min && text.size() <= verifier_max &&
         std::ranges::all_of(text, unreserved);
}

error refusal(const char* message, const char* param) {
  auto why = make_error(errc::invalid_argument, std::string(param) + ": " + message, param);
  why.reason = "validation_failed";
  return why;
}

} // namespace

result<challenge> challenge_of(std::string value, std::string method) {
  if (value.empty()) return challenge{};
  for (char& c : method) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  if (method.empty()) method = "plain";
  if (method != "s256" && method != "plain")
    return std::unexpected(refusal("must be s256 or plain", "code_challenge_method"));
  if (!is_verifier(value))
    return std::unexpected(
        refusal("must have 43 to 128 letters, digits, '-', '.', '_' or '~'", "code_challenge"));
  return challenge{std::move(value), std::move(method)};
}

bool fits(const challenge& asked, std::string_view verifier, const digests& digest) {
  if (asked.value.empty() || !is_verifier(verifier)) return false;
  // Digests are compared, so that no time tells how far two texts agree.
  const auto given =
      asked.method == "plain" ? std::string(verifier) : digest.sha256_base64url(verifier);
  return digest.sha256_hex(given) == digest.sha256_hex(asked.value);
}

code make_code(std::string user_id, std::string_view method, const challenge& asked,
               const digests& digest, std::int64_t now) {
  code out;
  out.text = digest.random_token(32);
  out.row.hash = digest.sha256_hex(out.text);
  out.row.kind = code_kind;
  out.row.user_id = std::move(user_id);
  out.row.extra = chat_json::object_builder()
                      .add("challenge", asked.value)
                      .add("challenge_method", asked.method)
                      .add("method", method)
                      .build();
  out.row.created_at = now;
  out.row.expires_at = now + limits::pkce_code_ttl.count();
  return out;
}

challenge challenge_of(const one_time_row& row) {
  return {chat_json::string_field(row.extra, "challenge").value_or(""),
          chat_json::string_field(row.extra, "challenge_method").value_or("")};
}

std::string method_of(const one_time_row& row) {
  return chat_json::string_field(row.extra, "method").value_or("otp");
}

} // namespace troupe::pkce_flow
