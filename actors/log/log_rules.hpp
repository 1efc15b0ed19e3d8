#pragma once

#include "actors/ports/log_store.hpp"
#include "messages/base/op_context.hpp"
#include "messages/base/result.hpp"
#include "messages/log.hpp"

#include <chrono>
#include <string>
#include <vector>

/// Pure decisions of the log service.
namespace troupe::log_rules {

/// RFC 3339 in UTC with microseconds, e.g. `2026-01-31T12:00:00.000001Z`: sorts as text.
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point at);

/// Any RFC 3339 time to that form. Errors: `invalid_argument` with `param`.
[[nodiscard]] result<std::string> normal_time(std::string_view text, std::string_view param);

/// The records of an append: ids, owner and time filled in.
[[nodiscard]] result<std::vector<log_record>> records_of(append_logs_request request,
                                                         const caller& who,
                                                         std::chrono::system_clock::time_point now);

/// The filter of a list: the caller's own records, or another user's for an admin.
[[nodiscard]] result<log_filter> filter_of(const list_logs_request& request, const caller& who);

} // namespace troupe::log_rules
