#include "runtime/cli/flight_text.hpp"

#include "broker/frame_bodies.hpp"
#include "runtime/cli/terminal.hpp"

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <ctime>

namespace troupe::cli {
namespace {

using wire::flight_event;
using wire::flight_kind;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", static_cast<unsigned char>(c));
    out += two.data();
  }
  return out;
}

/// Names of connections are bytes; those that are words, as of a simulator, stay readable.
std::string peer_text(const wire::peer_id& peer) {
  for (const char c : peer)
    if (c <= ' ' || c > '~') return hex(peer);
  return peer;
}

bool has_frame(const flight_event& in) {
  return in.kind == flight_kind::received || in.kind == flight_kind::sent;
}

std::string call_text(const call_id& cid) {
  if (cid == call_id{}) return {};
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%016llx-%llx",
                static_cast<unsigned long long>(cid.incarnation),
                static_cast<unsigned long long>(cid.counter));
  return text.data();
}

std::string type_text(wire::frame type) {
  const auto name = wire::to_string(type);
  if (name != wire::to_string(wire::frame{})) return std::string(name);
  return "type " + std::to_string(static_cast<unsigned>(type));
}

/// What of a kept body is worth a word.
std::string body_text(const flight_event& in) {
  if (in.body.empty()) return {};
  if (in.header.type == wire::frame::hello) {
    const auto who = wire::decode_hello(in.body);
    return who ? " name=" + who->name : std::string();
  }
  if (in.header.type == wire::frame::registration || in.header.type == wire::frame::credit) {
    const auto offer = wire::decode_capacity(in.body);
    return offer ? " capacity=" + std::to_string(offer->capacity) : std::string();
  }
  const auto beat = wire::decode_heartbeat(in.body);
  if (!beat || beat->stuck_ms == 0) return {};
  return " stuck_ms=" + std::to_string(beat->stuck_ms);
}

std::string details(const flight_event& in) {
  const auto& h = in.header;
  std::string out;
  const auto add = [&](const char* name, std::uint64_t value) {
    if (value != 0) out += std::string(" ") + name + '=' + std::to_string(value);
  };
  add("seq", h.seq);
  add("flags", h.flags);
  add("hop", h.hop);
  add("ttl_ms", h.ttl_ms);
  if (h.type == wire::frame::request) add("prio", h.priority);
  add("body", in.body_size);
  if (h.to != 0) out += " to=" + call_text({h.to, 0}).substr(0, 16);
  return out + body_text(in);
}

const char* arrow(flight_kind kind) {
  return kind == flight_kind::received ? "->" : "<-";
}

} // namespace

std::string flight_title(const wire::flight& in) {
  const auto at = static_cast<std::time_t>(in.began_ms / 1000);
  std::tm parts{};
  std::array<char, 32> when{};
  if (gmtime_r(&at, &parts) != nullptr)
    std::strftime(when.data(), when.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  auto out = "# " + shortened(in.name, 64) + " at " + shortened(in.address, 64) + ", instance " +
             call_text({in.incarnation, 0}).substr(0, 16) + ", began " + when.data() + '\n';
  out += "# " + std::to_string(in.events.size()) + " events";
  if (in.lost == 0) return out + '\n';
  out += ", " + std::to_string(in.lost) + " before them are lost, of which ";
  out += in.is_known_whole ? std::to_string(in.known.size()) + " still hold and come first"
                           : std::string("what still holds is lost too");
  if (in.left_out > 0) out += "; " + std::to_string(in.left_out) + " peers are left out";
  return out + '\n';
}

std::string flight_head_line() {
  return "    SECONDS     PEER                TYPE        CALL                              METHOD "
         "AND MORE";
}

std::string flight_line(const flight_event& in) {
  std::array<char, 160> text{};
  const auto seconds = std::chrono::duration<double>(in.at).count();
  if (!has_frame(in)) {
    std::snprintf(text.data(), text.size(), "%14.6f  !  %-18s", seconds,
                  std::string(to_string(in.kind)).c_str());
    auto out = std::string(text.data());
    if (in.kind == flight_kind::peer_gone) out += peer_text(in.peer) + (in.is_full ? " full" : "");
    return out.substr(0, out.find_last_not_of(' ') + 1);
  }
  std::snprintf(text.data(), text.size(), "%14.6f  %s %-18s  %-10s  %-32s  ", seconds,
                arrow(in.kind), peer_text(in.peer).c_str(), type_text(in.header.type).c_str(),
                call_text(in.header.cid).c_str());
  const auto more = details(in);
  auto out = text.data() + in.header.svc;
  out += in.header.svc.empty() && !more.empty() ? more.substr(1) : more;
  return shortened(out.substr(0, out.find_last_not_of(' ') + 1), 400);
}

std::string flight_json(const flight_event& in) {
  boost::json::object out{{"at_ns", in.at.count()}, {"kind", to_string(in.kind)}};
  if (!in.peer.empty()) out["peer"] = peer_text(in.peer);
  if (in.kind == flight_kind::peer_gone) out["full"] = in.is_full;
  if (has_frame(in)) {
    const auto& h = in.header;
    out["type"] = type_text(h.type);
    if (h.cid != call_id{}) out["call"] = call_text(h.cid);
    if (!h.svc.empty()) out["svc"] = printable(h.svc);
    out["flags"] = h.flags;
    out["hop"] = h.hop;
    out["prio"] = h.priority;
    out["ttl_ms"] = h.ttl_ms;
    out["seq"] = h.seq;
    if (h.to != 0) out["to"] = call_text({h.to, 0}).substr(0, 16);
    out["body_bytes"] = in.body_size;
    if (!in.body.empty()) out["body"] = hex(in.body);
  }
  return boost::json::serialize(out);
}

} // namespace troupe::cli
