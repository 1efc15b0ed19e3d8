#pragma once

#include "messages/accounts.hpp"
#include "messages/base/result.hpp"
#include "messages/codec/json.hpp"
#include "messages/sign_in.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Between GoTrue's shapes for admins and our messages. Pure.
namespace troupe::http::supabase_admin {

/// Which users a list shows.
struct page {
  std::uint32_t number = 1; ///< from 1
  std::uint32_t size = 50;  ///< 1 to 1,000
};
/// `page` and `per_page` of a query; empty ones count as absent. Errors: `invalid_argument`.
[[nodiscard]] result<page> page_of(std::span<const json::parameter> query);

/// The header lines X-Total-Count and Link, each with CRLF.
[[nodiscard]] std::string page_lines(const page& shown, std::uint64_t total);

[[nodiscard]] std::string users_body(const user_list& users);
/// The user's own members and those of the link beside them.
[[nodiscard]] std::string link_body(const link_reply& link);

/// Errors: `invalid_argument`: a phone, or a duration that is none.
[[nodiscard]] result<create_user_request> create_of(admin_user_body body);
[[nodiscard]] result<update_user_request> update_of(admin_user_body body);

/// Seconds of a Go duration (`1h30m`, `90s`, `1.5h`; units h, m and s), rounded up; `none` is 0.
/// Nothing when it is no such text, or longer than a hundred years.
[[nodiscard]] std::optional<std::int64_t> seconds_of(std::string_view duration) noexcept;

} // namespace troupe::http::supabase_admin
