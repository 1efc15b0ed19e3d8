#include "broker/envelope.hpp"

#include <msgpack.hpp>

#include <algorithm>

namespace troupe::wire {
namespace {

using std::string_view;

/// msgpack writes into a string through this.
struct string_sink {
  std::string& out;
  void write(const char* bytes, std::size_t n) { out.append(bytes, n); }
};
using packer = msgpack::packer<string_sink>;

void put_id(packer& p, const call_id& id) {
  std::array<char, 16> bytes{};
  for (int n = 0; n < 8; ++n) {
    bytes[n] = static_cast<char>(id.incarnation >> (56 - 8 * n));
    bytes[8 + n] = static_cast<char>(id.counter >> (56 - 8 * n));
  }
  p.pack_bin(16).pack_bin_body(bytes.data(), 16);
}

call_id read_id(const char* bytes) {
  call_id id;
  for (int n = 0; n < 8; ++n) {
    id.incarnation = id.incarnation << 8 | static_cast<unsigned char>(bytes[n]);
    id.counter = id.counter << 8 | static_cast<unsigned char>(bytes[8 + n]);
  }
  return id;
}

void put_text(packer& p, string_view key, const std::string& value, bool binary = false) {
  if (value.empty()) return;
  const auto size = static_cast<std::uint32_t>(value.size());
  p.pack_str(static_cast<std::uint32_t>(key.size()))
      .pack_str_body(key.data(), static_cast<std::uint32_t>(key.size()));
  if (binary)
    p.pack_bin(size).pack_bin_body(value.data(), size);
  else
    p.pack_str(size).pack_str_body(value.data(), size);
}

void put_ext(packer& p, const envelope& e) {
  const auto entries = !e.traceparent.empty() + !e.request_id.empty() + !e.credential.empty() +
                       !e.caller.empty() + !e.client_address.empty() + !e.principal.empty() +
                       (e.to != 0);
  p.pack_map(static_cast<std::uint32_t>(entries));
  put_text(p, "tp", e.traceparent);
  put_text(p, "id", e.request_id);
  put_text(p, "cr", e.credential);
  put_text(p, "ca", e.caller, true);
  put_text(p, "ip", e.client_address);
  put_text(p, "pr", e.principal);
  if (e.to != 0) p.pack_str(2).pack_str_body("to", 2).pack(e.to);
}

/// Reads the array as msgpack-cxx walks over it: nothing is built, nothing is allocated ahead.
class header_visitor : public msgpack::v2::null_visitor {
public:
  explicit header_visitor(envelope& into) : e_(into) {}

  bool other_version = false;
  [[nodiscard]] std::uint32_t fields() const { return fields_; }

  bool visit_positive_integer(std::uint64_t v) {
    if (in_ext_value()) {
      if (key_ == "to") e_.to = v;
      return true;
    }
    return depth_ != 1 || number(v);
  }
  bool visit_negative_integer(std::int64_t) { return skippable(); }
  bool visit_float32(float) { return skippable(); }
  bool visit_float64(double) { return skippable(); }
  bool visit_boolean(bool) { return skippable(); }
  bool visit_nil() { return skippable(); }
  bool visit_ext(const char*, std::uint32_t) { return skippable(); }

  bool visit_str(const char* v, std::uint32_t size) {
    if (depth_ == 2 && in_key_ && index_ == 10) {
      key_ = string_view(v, size);
      return true;
    }
    if (in_ext_value()) return text(string_view(v, size));
    if (depth_ != 1) return depth_ > 1;
    if (index_ == 5) e_.svc.assign(v, size);
    return index_ == 5 || index_ > 10;
  }
  bool visit_bin(const char* v, std::uint32_t size) {
    if (in_ext_value()) return text(string_view(v, size));
    if (depth_ != 1) return depth_ > 1;
    if (index_ != 3 && index_ != 4) return index_ > 10;
    if (size != 16) return false;
    (index_ == 3 ? e_.mid : e_.cid) = read_id(v);
    return true;
  }

  bool start_array(std::uint32_t n) {
    if (depth_ == 0)
      fields_ = n;
    else if (depth_ == 1 && index_ <= 10)
      return false;
    return ++depth_ <= depth_max;
  }
  bool end_array_item() {
    if (depth_ == 1) ++index_;
    return true;
  }
  bool end_array() {
    --depth_;
    return true;
  }
  bool start_map(std::uint32_t) {
    if (depth_ == 0 || (depth_ == 1 && index_ < 10)) return false;
    return ++depth_ <= depth_max;
  }
  bool start_map_key() { return in_key_ = true; }
  bool end_map_key() {
    in_key_ = false;
    return true;
  }
  bool end_map_value() {
    if (depth_ == 2) key_ = {};
    return true;
  }
  bool end_map() {
    --depth_;
    return true;
  }
  void parse_error(std::size_t, std::size_t) {}
  void insufficient_bytes(std::size_t, std::size_t) {}

private:
  static constexpr int depth_max = 4;

  [[nodiscard]] bool in_ext_value() const { return depth_ == 2 && index_ == 10 && !in_key_; }
  /// A value that no field of this version has: fine where fields are unknown.
  [[nodiscard]] bool skippable() const { return depth_ > 1 || (depth_ == 1 && index_ > 10); }

  bool number(std::uint64_t v) {
    const auto byte = static_cast<std::uint8_t>(v);
    switch (index_) {
      case 0:
        other_version = v != version;
        return !other_version;
      case 1:
        e_.type = static_cast<frame>(byte);
        return v != 0 && v <= 255;
      case 2:
        e_.flags = byte;
        return v <= 255;
      case 6:
        e_.ttl_ms = static_cast<std::uint32_t>(v);
        return v <= 0xFFFFFFFFu;
      case 7:
        e_.hop = byte;
        return v <= 255;
      case 8:
        e_.priority = byte;
        return v <= 3;
      case 9:
        e_.seq = v;
        return true;
      default:
        return index_ > 10;
    }
  }

  bool text(string_view v) {
    if (key_ == "tp")
      e_.traceparent = v;
    else if (key_ == "id")
      e_.request_id = v;
    else if (key_ == "cr")
      e_.credential = v;
    else if (key_ == "ca")
      e_.caller = v;
    else if (key_ == "ip")
      e_.client_address = v;
    else if (key_ == "pr")
      e_.principal = v;
    return true;
  }

  envelope& e_;
  int depth_ = 0;
  std::uint32_t index_ = 0;  // of the field in the outer array
  std::uint32_t fields_ = 0; // of the outer array, as announced
  bool in_key_ = false;
  string_view key_; // of the ext entry; points into the input
};

} // namespace

string_view to_string(frame type) noexcept {
  static constexpr std::array<string_view, frame_types> names{
      "other",     "hello", "welcome", "reset",   "register", "registered", "credit", "request",
      "accept",    "start", "reject",  "partial", "final",    "error",      "window", "cancel",
      "heartbeat", "ping",  "pong",    "drain",   "goodbye",  {},           {},       {},
      {},          {},      "stats",   "tap",     "tapped"};
  const auto n = static_cast<std::size_t>(type);
  return n < names.size() && !names[n].empty() ? names[n] : names[0];
}

std::uint32_t ttl_of(instant now, instant deadline) {
  if (deadline == instant::max()) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, 0xFFFFFFFF));
}

void encode(const envelope& e, std::string& into) {
  into.clear();
  string_sink sink{into};
  packer p(sink);
  p.pack_array(11);
  p.pack(version).pack(static_cast<std::uint8_t>(e.type)).pack(e.flags);
  put_id(p, e.mid);
  put_id(p, e.cid);
  const auto svc_size = static_cast<std::uint32_t>(e.svc.size());
  p.pack_str(svc_size).pack_str_body(e.svc.data(), svc_size);
  p.pack(e.ttl_ms).pack(e.hop).pack(e.priority).pack(e.seq);
  put_ext(p, e);
}

std::string encode(const envelope& e) {
  std::string out;
  out.reserve(128);
  encode(e, out);
  return out;
}

result<envelope> decode(string_view header) {
  if (header.size() > limits::wire_header_bytes)
    return fail(errc::invalid_argument, "the header is too long", "header");
  envelope e;
  header_visitor visitor(e);
  std::size_t offset = 0;
  bool whole = false;
  try {
    whole = msgpack::v2::parse(header.data(), header.size(), offset, visitor);
  } catch (const std::exception&) {
    whole = false; // msgpack-cxx's own guards, e.g. a depth past its stack
  }
  if (visitor.other_version) return fail(errc::version, "another version of the wire", "header[0]");
  if (!whole || offset != header.size() || visitor.fields() < 2)
    return fail(errc::invalid_argument, "the header is not an envelope", "header");
  return e;
}

} // namespace troupe::wire
