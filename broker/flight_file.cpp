#include "broker/flight_file.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace troupe::wire {
namespace {

template <class T>
T read(std::string_view bytes, std::size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

std::string text_of(const char* text, std::size_t size) {
  return {text, ::strnlen(text, size)};
}

peer_id peer_of(const flight_record& r) {
  if (r.peer_size <= sizeof r.peer) {
    peer_id out(r.peer_size, '\0');
    std::memcpy(out.data(), &r.peer, out.size());
    return out;
  }
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "#%016llx", static_cast<unsigned long long>(r.peer));
  return text.data();
}

/// Empty when it was not kept, or others have taken its place.
std::string body_of(const flight_head& h, const flight_record& r, std::string_view bodies) {
  if (r.body_kept == 0 || r.body_kept > bodies.size() || r.body_kept > flight_body_max) return {};
  if (r.body_at > h.body_next || h.body_next - r.body_at > bodies.size() ||
      r.body_kept > h.body_next - r.body_at)
    return {};
  const auto at = static_cast<std::size_t>(r.body_at % bodies.size());
  std::string out(bodies.substr(at, r.body_kept));
  return out.append(bodies.substr(0, r.body_kept - out.size()));
}

flight_event event_of(const flight_record& r, std::string body) {
  flight_event out;
  out.kind = r.kind <= static_cast<std::uint8_t>(flight_kind::access_changed)
                 ? static_cast<flight_kind>(r.kind)
                 : flight_kind::none;
  out.at = std::chrono::nanoseconds(r.at_ns);
  out.peer = peer_of(r);
  auto& e = out.header;
  e.type = static_cast<frame>(r.type);
  e.flags = r.flags;
  e.hop = r.hop;
  e.priority = r.priority;
  e.ttl_ms = r.ttl_ms;
  e.mid = {r.mid_incarnation, r.mid_counter};
  e.cid = {r.cid_incarnation, r.cid_counter};
  e.seq = r.seq;
  e.to = r.to;
  e.svc.assign(r.svc, std::min<std::size_t>(r.svc_size, sizeof r.svc));
  out.body_size = r.body_size;
  out.body = std::move(body);
  out.caller = r.caller;
  out.address = r.address;
  out.is_full = r.is_full != 0;
  return out;
}

std::unexpected<error> no_flight(const char* why) {
  return fail(errc::invalid_argument, why);
}

/// Bounded by the bytes, whatever they say.
std::vector<flight_event> known_of(std::string_view table) {
  std::vector<flight_event> out;
  for (std::size_t at = 0; at + sizeof(flight_known) <= table.size();) {
    const auto e = read<flight_known>(table, at);
    const auto room = e.bytes - sizeof(flight_known);
    if (e.bytes < sizeof(flight_known) || e.bytes > table.size() - at) break;
    if (e.record.kind != 0 && e.record.body_kept <= std::min(room, flight_body_max))
      out.push_back(event_of(
          e.record, std::string(table.substr(at + sizeof(flight_known), e.record.body_kept))));
    at += e.bytes;
  }
  return out;
}

} // namespace

result<flight> read_flight(std::string_view bytes) {
  if (bytes.size() < sizeof(flight_head)) return no_flight("too short for a flight recording");
  const auto h = read<flight_head>(bytes, 0);
  if (std::memcmp(h.magic, flight_magic, sizeof h.magic) != 0)
    return no_flight("no flight recording");
  if (h.version < flight_version)
    return fail(errc::version,
                "a flight recording of an earlier version of the program, in format " +
                    std::to_string(h.version) + "; this one reads format " +
                    std::to_string(flight_version));
  if (h.version != flight_version || h.head_bytes != sizeof(flight_head) ||
      h.record_bytes != sizeof(flight_record))
    return fail(errc::version, "a flight recording of another version of the program");
  const auto records_at = sizeof(flight_head) + std::uint64_t{h.known_bytes};
  const auto records_end = records_at + std::uint64_t{h.records} * sizeof(flight_record);
  if (h.records == 0 || records_end + h.bodies_bytes > bytes.size())
    return no_flight("the flight recording is cut off");
  if (h.known_used > h.known_bytes) return no_flight("the flight recording's table is broken");
  const auto bodies = bytes.substr(static_cast<std::size_t>(records_end), h.bodies_bytes);
  flight out;
  out.name = text_of(h.name, sizeof h.name);
  out.address = text_of(h.address, sizeof h.address);
  out.incarnation = h.incarnation;
  out.began_ms = h.began_ms;
  out.left_out = h.left_out;
  out.is_known_whole = h.known_changes % 2 == 0;
  if (out.is_known_whole) out.known = known_of(bytes.substr(sizeof(flight_head), h.known_used));
  // The one that is overwritten next may be half another one already.
  out.lost = h.next >= h.records ? h.next - h.records + 1 : 0;
  out.events.reserve(static_cast<std::size_t>(h.next - out.lost));
  for (auto n = out.lost; n < h.next; ++n) {
    const auto at = static_cast<std::size_t>(records_at + (n % h.records) * sizeof(flight_record));
    const auto r = read<flight_record>(bytes, at);
    out.events.push_back(event_of(r, body_of(h, r, bodies)));
  }
  return out;
}

std::string_view to_string(flight_kind kind) noexcept {
  constexpr std::array<std::string_view, 9> names{
      "none",        "received",      "sent",     "peer_gone",     "link_dropped",
      "time_passed", "drain_started", "stopping", "access_changed"};
  return names[std::min(static_cast<std::size_t>(kind), names.size() - 1)];
}

} // namespace troupe::wire
