#include "messages/field_check.hpp"
#include "messages/scopes.hpp"
#include "messages/validate.hpp"

#include <algorithm>
#include <string>

/// The requests of the services auth, keys and accounts.
namespace troupe {

using field_check::check_fields;
using field_check::refuse;

result<void> check_email(std::string_view email) {
  const std::size_t sign = email.find('@');
  const bool one_sign = sign != email.npos && email.find('@', sign + 1) == email.npos;
  const bool spaces = std::ranges::any_of(
      email, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
  if (!one_sign || sign == 0 || sign + 1 == email.size() || spaces)
    return refuse("email", "is not an e-mail address");
  return {};
}

namespace {

constexpr std::size_t metadata_bytes = 16u << 10;

result<void> check_scopes(const std::vector<std::string>& wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!is_scope(wanted[i]))
      return refuse("scopes[" + std::to_string(i) + "]",
                    "must be one of " + std::string(scope_words));
  return {};
}

result<void> check_metadata(std::string_view name, const json_text& value) {
  if (value.raw.size() > metadata_bytes)
    return refuse(std::string(name), "may have at most 16384 bytes");
  return {};
}

/// `user:…`, `key:…` or `org:…`.
result<void> check_subject(std::string_view subject) {
  for (const std::string_view kind : {"user:", "key:", "org:"})
    if (subject.starts_with(kind) && subject.size() > kind.size()) return {};
  return refuse("subject", "must be user:<id>, key:<id> or org:<id>");
}

} // namespace

result<void> validate(const logout_request& in) {
  return check_fields(in);
}

result<void> validate(const update_me_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_metadata("user_metadata", in.user_metadata); !ok) return ok;
  return in.email ? check_email(*in.email) : result<void>();
}

result<void> validate(const create_key_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  return check_scopes(in.scopes);
}

result<void> validate(const update_key_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  return in.scopes ? check_scopes(*in.scopes) : result<void>();
}

result<void> validate(const rotate_key_request& in) {
  return check_fields(in);
}

result<void> validate(const list_users_request& in) {
  return check_fields(in);
}

result<void> validate(const create_user_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_metadata("app_metadata", in.app_metadata); !ok) return ok;
  if (auto ok = check_metadata("user_metadata", in.user_metadata); !ok) return ok;
  return check_email(in.email);
}

result<void> validate(const import_user& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_metadata("user_metadata", in.user_metadata); !ok) return ok;
  if (!in.id.empty() && !is_uuid(in.id)) return refuse("id", "is no UUID in lower case");
  return check_email(in.email);
}

result<void> validate(const import_users_request& in) {
  return check_fields(in);
}

result<void> validate(const update_user_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  if (auto ok = check_metadata("app_metadata", in.app_metadata); !ok) return ok;
  if (auto ok = check_metadata("user_metadata", in.user_metadata); !ok) return ok;
  return in.email ? check_email(*in.email) : result<void>();
}

result<void> validate(const put_caps_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  return check_subject(in.subject);
}

result<void> validate(const get_caps_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  return check_subject(in.subject);
}

result<void> validate(const create_organization_request& in) {
  return check_fields(in);
}

result<void> validate(const update_organization_request& in) {
  return check_fields(in);
}

result<void> validate(const put_member_request& in) {
  return check_fields(in);
}

} // namespace troupe
