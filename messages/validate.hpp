#pragma once

#include "messages/base/result.hpp"
#include "messages/method_list.hpp"

/// Bounds and required fields of requests, pure. The router asks before it delegates, so every
/// entrance is held to the same rules. Errors: `invalid_argument` (or `too_large`) with `param`.
namespace troupe {

/// One `@`, something on both sides, neither spaces nor control characters.
[[nodiscard]] result<void> check_email(std::string_view email);

[[nodiscard]] result<void> validate(const register_request& in);
[[nodiscard]] result<void> validate(const login_request& in);
[[nodiscard]] result<void> validate(const refresh_request& in);
[[nodiscard]] result<void> validate(const verify_request& in);
[[nodiscard]] result<void> validate(const logout_request& in);
[[nodiscard]] result<void> validate(const update_me_request& in);
[[nodiscard]] result<void> validate(const sign_up_request& in);
[[nodiscard]] result<void> validate(const send_mail_request& in);
[[nodiscard]] result<void> validate(const verify_mail_request& in);
[[nodiscard]] result<void> validate(const exchange_code_request& in);
[[nodiscard]] result<void> validate(const authorize_request& in);
[[nodiscard]] result<void> validate(const provider_callback_request& in);
[[nodiscard]] result<void> validate(const id_token_request& in);
[[nodiscard]] result<void> validate(const change_account_request& in);
[[nodiscard]] result<void> validate(const make_link_request& in);
[[nodiscard]] result<void> validate(const create_key_request& in);
[[nodiscard]] result<void> validate(const update_key_request& in);
[[nodiscard]] result<void> validate(const rotate_key_request& in);
[[nodiscard]] result<void> validate(const list_users_request& in);
[[nodiscard]] result<void> validate(const create_user_request& in);
/// One row, which fails alone; validate() of the request looks at none.
[[nodiscard]] result<void> validate(const import_user& in);
[[nodiscard]] result<void> validate(const import_users_request& in);
[[nodiscard]] result<void> validate(const update_user_request& in);
[[nodiscard]] result<void> validate(const put_caps_request& in);
[[nodiscard]] result<void> validate(const get_caps_request& in);
[[nodiscard]] result<void> validate(const create_organization_request& in);
[[nodiscard]] result<void> validate(const update_organization_request& in);
[[nodiscard]] result<void> validate(const put_member_request& in);
[[nodiscard]] result<void> validate(const chat_completion_body& in);
[[nodiscard]] result<void> validate(const chat_request& in);
[[nodiscard]] result<void> validate(const embeddings_request& in);
[[nodiscard]] result<void> validate(const create_file_request& in);
[[nodiscard]] result<void> validate(const list_files_request& in);
[[nodiscard]] result<void> validate(const create_store_request& in);
[[nodiscard]] result<void> validate(const list_stores_request& in);
[[nodiscard]] result<void> validate(const attach_file_request& in);
[[nodiscard]] result<void> validate(const list_store_files_request& in);
[[nodiscard]] result<void> validate(const search_request& in);
[[nodiscard]] result<void> validate(const append_logs_request& in);
[[nodiscard]] result<void> validate(const patch_log_request& in);
[[nodiscard]] result<void> validate(const list_logs_request& in);

/// Requests with nothing to check.
template <class T>
[[nodiscard]] result<void> validate(const T&) {
  return {};
}

} // namespace troupe
