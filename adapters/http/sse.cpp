#include "adapters/http/sse.hpp"

#include "adapters/http/error_to_status.hpp"

#include <charconv>

namespace troupe::http {

void append_event(std::string& out, std::string_view event, std::string_view data) {
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

void append_error_event(std::string& out, const error& why) {
  append_event(out, "error", error_body(why));
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
