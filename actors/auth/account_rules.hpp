#pragma once

#include "actors/ports/account_stores.hpp"
#include "messages/accounts.hpp"
#include "messages/base/result.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

/// Pure decisions about accounts, caps and organisations.
namespace troupe::account_rules {

/// The wall clock as the stores keep times: RFC 3339, UTC, microseconds.
[[nodiscard]] std::string now_text();
[[nodiscard]] std::string now_text_after(std::chrono::seconds from_now);

/// The end of a ban that has none.
inline constexpr std::string_view for_good = "9999-12-31T23:59:59.000000Z";

/// A fresh account with an id of its own, confirmed or not.
[[nodiscard]] user_row new_user(std::string email, std::string name, std::string password_hash,
                                bool confirmed);

[[nodiscard]] bool is_banned(const user_row& row, std::string_view now) noexcept;

[[nodiscard]] user_view view_of(const user_row& row, const std::vector<identity_row>& identities,
                                std::string_view now);

/// What the request changes, put into the row; not its password. Errors: a patch that is no object.
[[nodiscard]] result<void> apply(const update_me_request& in, user_row& to);
[[nodiscard]] result<void> apply(const update_user_request& in, user_row& to);

/// The account that a row of another program's table becomes. The row is valid. Errors: a time that
/// is none.
[[nodiscard]] result<user_row> row_of(const import_user& in);
/// What the row brings to an account that is there: name, role, metadata, and a password where it
/// has none. Errors: a patch that is no object.
[[nodiscard]] result<void> apply(const import_user& in, user_row& to);
/// Whether nothing of it was applied.
[[nodiscard]] bool is_same(const user_row& a, const user_row& b) noexcept;

[[nodiscard]] caps_row row_of(const put_caps_request& in);
[[nodiscard]] caps_view view_of(const caps_row& row);
[[nodiscard]] signing_key_view view_of(const signing_key_row& row);
[[nodiscard]] organization_view view_of(const organization_row& row);
[[nodiscard]] member_view view_of(const member_row& row);

/// What a member may do: owners everything; admins all but with owners and the organisation's end;
/// a member reads and may leave. An admin of the installation counts as an owner.
enum class organization_act : std::uint8_t { read, rename, end, manage_members, manage_owners };
[[nodiscard]] bool may(std::string_view role, organization_act act) noexcept;

} // namespace troupe::account_rules
