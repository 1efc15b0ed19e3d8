#pragma once

#include "messages/accounts.hpp"
#include "messages/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What `troupe users import` makes of another program's table. Pure.
namespace troupe::cli {

enum class user_field : std::uint8_t {
  ignored,
  id,
  email,
  password_hash,
  name,
  role,
  is_admin,
  is_active,
  email_verified,
  created_at,
  user_metadata
};

/// What each column of a table is to us.
struct user_columns {
  std::vector<user_field> of;        ///< one a column
  std::vector<std::string> left_out; ///< the names of those that are ignored unasked
};

/// `their=our` of --map. Errors: `invalid_argument`; `our` is none of the fields.
[[nodiscard]] result<std::pair<std::string, user_field>> parse_mapping(std::string_view text);

/// By the mappings, then by the names that tables of this kind use; cases do not count. Errors:
/// `invalid_argument`: a mapped column is not there, no column is the e-mail, two are one field.
[[nodiscard]] result<user_columns> map_columns(
    const std::vector<std::string>& header,
    const std::vector<std::pair<std::string, user_field>>& mappings);

/// Where a row is wrong.
struct user_fault {
  std::string field; ///< as in messages: `email`
  std::string why;
};

struct converted_user {
  import_user user;
  std::optional<user_fault> wrong;
};

/// The row as the server wants it. An id that is no UUID is left out, and so is what is empty or
/// `\N`. `fields` are as many as the columns.
[[nodiscard]] converted_user to_user(const user_columns& columns,
                                     const std::vector<std::string>& fields);

/// A time as databases write it, in RFC 3339: `2026-01-31`, `2026-01-31 12:00:00.5`, with or
/// without an offset (none: UTC), or Unix seconds or milliseconds; anything else as it is. Empty
/// for the zero of MySQL.
[[nodiscard]] std::string to_rfc3339(std::string_view text);

} // namespace troupe::cli
