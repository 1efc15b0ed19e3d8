#include "broker/frame_bodies.hpp"

#include <msgpack.hpp>

#include <map>

namespace troupe::wire {
namespace {

using std::string_view;

struct body_limits {
  std::uint32_t bytes, list;
};
constexpr body_limits of_any{4096, 64}, of_registration{32u << 10, bus_methods_max},
    of_tapped{32u << 10, 64};

constexpr const char *once_name = "once", *idempotent_name = "idempotent";

class writer {
public:
  explicit writer(std::uint32_t entries) { packer_.pack_map(entries); }

  template <class T>
  writer& put(const char* key, const T& value) {
    packer_.pack(key).pack(value);
    return *this;
  }
  [[nodiscard]] std::string take() { return {buffer_.data(), buffer_.size()}; }

private:
  msgpack::sbuffer buffer_;
  msgpack::packer<msgpack::sbuffer> packer_{buffer_};
};

void read(const msgpack::object& from, std::uint64_t& into) {
  from.convert(into);
}
void read(const msgpack::object& from, bool& into) {
  from.convert(into);
}
void read(const msgpack::object& from, std::string& into) {
  from.convert(into);
}
void read(const msgpack::object& from, std::vector<std::string>& into) {
  from.convert(into);
}
void read(const msgpack::object& from, std::vector<std::uint64_t>& into) {
  from.convert(into);
}
void read(const msgpack::object& from, std::vector<bus_method>& into) {
  for (const auto& [name, is] : from.as<std::map<std::string, std::string>>()) {
    if (is != once_name && is != idempotent_name) throw msgpack::type_error();
    into.push_back({name, is == idempotent_name});
  }
}

/// Packed once more: it is read by the rules of a header.
void read(const msgpack::object& from, envelope& into) {
  auto header = decode(from.as<std::string>());
  if (!header) throw msgpack::type_error();
  into = std::move(*header);
}

/// Calls `entry(key, value)` for every entry of a bounded map.
template <class Body, class Entry>
result<Body> read_map(string_view bytes, Entry entry, body_limits most = of_any) {
  const auto wrong = [] {
    return fail(errc::invalid_argument, "a link frame's body is not readable", "body");
  };
  if (bytes.size() > most.bytes) return wrong();
  Body body;
  try {
    std::size_t offset = 0;
    const auto handle =
        msgpack::unpack(bytes.data(), bytes.size(), offset, nullptr, nullptr,
                        msgpack::unpack_limit(most.list, most.list, most.bytes, most.bytes, 0, 3));
    if (offset != bytes.size() || handle->type != msgpack::type::MAP) return wrong();
    const auto& map = handle->via.map;
    for (std::uint32_t n = 0; n < map.size; ++n)
      if (map.ptr[n].key.type == msgpack::type::STR)
        entry(body, map.ptr[n].key.template as<std::string>(), map.ptr[n].val);
  } catch (const std::exception&) {
    return wrong();
  }
  return body;
}

} // namespace

std::string encode(const hello_body& b) {
  return writer(6)
      .put("name", b.name)
      .put("incarnation", b.incarnation)
      .put("link", b.link)
      .put("roles", b.roles)
      .put("ver_min", b.ver_min)
      .put("ver_max", b.ver_max)
      .take();
}
std::string encode(const welcome_body& b) {
  return writer(3)
      .put("version", b.version)
      .put("heartbeat_ms", b.heartbeat_ms)
      .put("brokers", b.brokers)
      .take();
}
std::string encode(const capacity_body& b) {
  if (b.methods.empty()) return writer(1).put("capacity", b.capacity).take();
  std::map<string_view, string_view> classes;
  for (const auto& m : b.methods)
    classes.emplace(m.name, m.is_idempotent ? idempotent_name : once_name);
  return writer(2).put("capacity", b.capacity).put("methods", classes).take();
}
std::string encode(const heartbeat_body& b) {
  return writer(4)
      .put("in_flight", b.in_flight)
      .put("progress", b.progress)
      .put("brokers", b.brokers)
      .put("stuck_ms", b.stuck_ms)
      .take();
}
std::string encode(const window_body& b) {
  return writer(4)
      .put("acked_seq", b.acked_seq)
      .put("granted_frames", b.granted_frames)
      .put("granted_bytes", b.granted_bytes)
      .put("resend", b.resend)
      .take();
}

std::string encode(const tap_body& b) {
  return writer(5)
      .put("service", b.service)
      .put("types", b.types)
      .put("bodies", b.bodies)
      .put("rate", b.rate)
      .put("is_over", b.is_over)
      .take();
}
std::string encode(const tapped_body& b) {
  const auto header = encode(b.header);
  return writer(8)
      .put("at_us", b.at_us)
      .put("is_sent", b.is_sent)
      .put("peer", b.peer)
      .put("service", b.service)
      .put("header", std::vector<char>(header.begin(), header.end())) // as bytes
      .put("body_bytes", b.body_bytes)
      .put("body", b.body)
      .put("missed", b.missed)
      .take();
}

result<hello_body> decode_hello(string_view bytes) {
  return read_map<hello_body>(bytes, [](hello_body& b, string_view key, const msgpack::object& v) {
    if (key == "name")
      read(v, b.name);
    else if (key == "incarnation")
      read(v, b.incarnation);
    else if (key == "link")
      read(v, b.link);
    else if (key == "roles")
      read(v, b.roles);
    else if (key == "ver_min")
      read(v, b.ver_min);
    else if (key == "ver_max")
      read(v, b.ver_max);
  });
}
result<welcome_body> decode_welcome(string_view bytes) {
  return read_map<welcome_body>(bytes,
                                [](welcome_body& b, string_view key, const msgpack::object& v) {
                                  if (key == "version")
                                    read(v, b.version);
                                  else if (key == "heartbeat_ms")
                                    read(v, b.heartbeat_ms);
                                  else if (key == "brokers")
                                    read(v, b.brokers);
                                });
}
result<capacity_body> decode_capacity(string_view bytes) {
  return read_map<capacity_body>(
      bytes,
      [](capacity_body& b, string_view key, const msgpack::object& v) {
        if (key == "capacity") read(v, b.capacity);
        if (key == "methods") read(v, b.methods);
      },
      of_registration);
}
result<heartbeat_body> decode_heartbeat(string_view bytes) {
  return read_map<heartbeat_body>(bytes,
                                  [](heartbeat_body& b, string_view key, const msgpack::object& v) {
                                    if (key == "in_flight")
                                      read(v, b.in_flight);
                                    else if (key == "progress")
                                      read(v, b.progress);
                                    else if (key == "brokers")
                                      read(v, b.brokers);
                                    else if (key == "stuck_ms")
                                      read(v, b.stuck_ms);
                                  });
}
result<window_body> decode_window(string_view bytes) {
  return read_map<window_body>(bytes,
                               [](window_body& b, string_view key, const msgpack::object& v) {
                                 if (key == "acked_seq")
                                   read(v, b.acked_seq);
                                 else if (key == "granted_frames")
                                   read(v, b.granted_frames);
                                 else if (key == "granted_bytes")
                                   read(v, b.granted_bytes);
                                 else if (key == "resend")
                                   read(v, b.resend);
                               });
}

result<tap_body> decode_tap(string_view bytes) {
  return read_map<tap_body>(bytes, [](tap_body& b, string_view key, const msgpack::object& v) {
    if (key == "service")
      read(v, b.service);
    else if (key == "types")
      read(v, b.types);
    else if (key == "bodies")
      read(v, b.bodies);
    else if (key == "rate")
      read(v, b.rate);
    else if (key == "is_over")
      read(v, b.is_over);
  });
}
result<tapped_body> decode_tapped(string_view bytes) {
  return read_map<tapped_body>(
      bytes,
      [](tapped_body& b, string_view key, const msgpack::object& v) {
        if (key == "at_us")
          read(v, b.at_us);
        else if (key == "is_sent")
          read(v, b.is_sent);
        else if (key == "peer")
          read(v, b.peer);
        else if (key == "service")
          read(v, b.service);
        else if (key == "body_bytes")
          read(v, b.body_bytes);
        else if (key == "body")
          read(v, b.body);
        else if (key == "missed")
          read(v, b.missed);
        else if (key == "header")
          read(v, b.header);
      },
      of_tapped);
}

} // namespace troupe::wire
