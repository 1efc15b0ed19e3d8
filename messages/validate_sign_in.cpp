#include "messages/field_check.hpp"
#include "messages/validate.hpp"

/// The requests of sign-up and of signing in by mail or at another provider.
namespace troupe {

using field_check::check_fields;
using field_check::refuse;

namespace {

constexpr std::size_t metadata_bytes = 16u << 10; // as of validate_accounts.cpp

result<void> check_data(const json_text& value) {
  if (value.raw.size() > metadata_bytes) return refuse("data", "may have at most 16384 bytes");
  return {};
}

/// An e-mail that may be absent.
result<void> check_email_of(const std::string& email) {
  return email.empty() ? result<void>() : check_email(email);
}

} // namespace

result<void> validate(const sign_up_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_data(in.data); !ok) return ok;
  return check_email_of(in.email);
}

result<void> validate(const send_mail_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_data(in.data); !ok) return ok;
  return check_email_of(in.email);
}

result<void> validate(const verify_mail_request& in) {
  return check_fields(in);
}

result<void> validate(const exchange_code_request& in) {
  return check_fields(in);
}

result<void> validate(const authorize_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  constexpr std::size_t hint_bytes = 512;
  for (const auto& hint : in.hints)
    if (hint.size() > hint_bytes) return refuse("hints", "may have at most 512 bytes each");
  return {};
}

result<void> validate(const provider_callback_request& in) {
  return check_fields(in);
}

result<void> validate(const id_token_request& in) {
  return check_fields(in);
}

result<void> validate(const change_account_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_data(in.data); !ok) return ok;
  return in.email ? check_email(*in.email) : result<void>();
}

result<void> validate(const make_link_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_data(in.data); !ok) return ok;
  if (auto ok = check_email(in.email); !ok) return ok;
  return check_email_of(in.new_email);
}

} // namespace troupe
