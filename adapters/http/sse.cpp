#include "adapters/http/sse.hpp"

#include "adapters/http/error_to_status.hpp"
#include "messages/codec/chat_json.hpp"
#include "messages/stream_id.hpp"

#include <charconv>

namespace troupe::http {

void append_event(std::string& out, std::string_view event, std::string_view data,
                  std::string_view id) {
  if (!id.empty()) {
    out += "id: ";
    out += id;
    out += '\n';
  }
  if (!event.empty()) {
    out += "event: ";
    out += event;
    out += '\n';
  }
  for (;;) {
    const auto end = data.find_first_of("\r\n");
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) break;
    const bool pair = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    data = data.substr(end + (pair ? 2 : 1));
  }
  out += '\n';
}

void append_error_event(std::string& out, const error& why, const stream_position& at) {
  auto more = ",\"events\":" + std::to_string(at.events);
  if (!at.stream.empty()) {
    more += R"(,"last_event_id":)";
    more += chat_json::quoted(to_string(event_id{at.stream, at.events}));
  }
  append_event(out, "error", error_body(why, more));
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return; // an empty chunk would end the body
  char size[20];
  const auto end = std::to_chars(size, size + sizeof size, data.size(), 16).ptr;
  out.append(size, end);
  out += "\r\n";
  out += data;
  out += "\r\n";
}

} // namespace troupe::http
