#pragma once

#include "messages/base/op_context.hpp"
#include "messages/log.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// The owner of audit records: no account has this id, so that deleting an account leaves its
/// trail. Admins read it with `GET /v1/logs?user=audit`.
inline constexpr std::string_view audit_owner = "audit";

/// Something that an operator may have to account for later. Never a password, token or key.
struct audit_event {
  std::string_view event;            ///< e.g. `auth.login`; grep-stable
  log_level level = log_level::info; ///< `warn` for what looks like an attack
  std::string user = {};             ///< whom it is about; may be empty
  std::vector<std::pair<std::string_view, std::string>> more = {};
};

/// Takes the record of an event. Any thread.
using audit_sink = std::function<void(const audit_event& event, const op_context& op)>;

/// The record: what happened, to whom, by whom (the caller's id), from where, in which request.
[[nodiscard]] log_input to_record(const audit_event& event, const op_context& op);

} // namespace troupe
