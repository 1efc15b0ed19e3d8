#include "actors/auth/audit.hpp"

#include "messages/codec/chat_json.hpp"

namespace troupe {

log_input to_record(const audit_event& event, const op_context& op) {
  std::string attributes = "{";
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (attributes.size() > 1) attributes += ',';
    attributes += chat_json::quoted(name) + ':' + chat_json::quoted(value);
  };
  add("user", event.user);
  add("by", op.who.user);
  add("key", op.who.key);
  add("request_id", op.request_id);
  for (const auto& [name, value] : event.more) add(name, value);
  log_input record;
  record.level = event.level;
  record.service = "audit";
  record.message = event.event;
  record.attributes.raw = attributes + '}';
  return record;
}

} // namespace troupe
