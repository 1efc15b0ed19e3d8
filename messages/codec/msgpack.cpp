#include "messages/codec/msgpack.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/message_list.hpp"
#include "messages/schema/describe.hpp"

#include <msgpack.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

/// A first pass over the bytes counts nodes and depth, so that the tree of the second one is no
/// larger than the bytes allow; its strings are views of the input.
namespace troupe::msgpack_codec {
namespace {

using schema::path;

/// A node of the tree takes 24 bytes, so that the tree of a large message takes at most eight times
/// the message. What is worth sending has more than three bytes a node; short messages have these.
constexpr std::size_t nodes_granted = 1u << 16, bytes_per_node = 3;

/// Refuses what is nested too deep or has, or only announces, more nodes than its bytes are worth.
class bounding_visitor : public msgpack::v2::null_visitor {
public:
  explicit bounding_visitor(std::size_t bytes)
      : nodes_left_(std::min(bytes, nodes_granted + bytes / bytes_per_node)) {}

  bool start_array(std::uint32_t elements) { return enter(elements); }
  bool end_array() { return leave(); }
  bool start_map(std::uint32_t pairs) { return enter(std::uint64_t{2} * pairs); }
  bool end_map() { return leave(); }
  bool visit_ext(const char*, std::uint32_t) { return true; }
  void parse_error(std::size_t, std::size_t) {}
  void insufficient_bytes(std::size_t, std::size_t) {}

private:
  bool enter(std::uint64_t nodes) {
    if (nodes > nodes_left_ || ++depth_ > limits::json_depth) return false;
    nodes_left_ -= nodes;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  std::uint64_t nodes_left_;
  std::size_t depth_ = 0;
};

struct reader {
  error why;

  bool refuse(const path& at, std::string message) {
    why = make_error(errc::invalid_argument, {}, at.text());
    why.message = why.param.empty() ? std::move(message) : why.param + ": " + message;
    return false;
  }
  bool expected(const path& at, std::string_view what, const msgpack::object& got);
};

std::string_view name_of_type(msgpack::type::object_type type) noexcept {
  switch (type) {
    case msgpack::type::NIL:
      return "nil";
    case msgpack::type::BOOLEAN:
      return "a boolean";
    case msgpack::type::POSITIVE_INTEGER:
    case msgpack::type::NEGATIVE_INTEGER:
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      return "a number";
    case msgpack::type::STR:
      return "a string";
    case msgpack::type::BIN:
      return "bytes";
    case msgpack::type::ARRAY:
      return "an array";
    case msgpack::type::MAP:
      return "a map";
    case msgpack::type::EXT:
      return "an extension";
  }
  return "something else";
}

bool reader::expected(const path& at, std::string_view what, const msgpack::object& got) {
  return refuse(at,
                "expected " + std::string(what) + ", got " + std::string(name_of_type(got.type)));
}

std::string_view text_of(const msgpack::object& from) {
  return {from.via.str.ptr, from.via.str.size};
}

template <schema::described T>
bool read(reader& to, const msgpack::object& from, T& out, const path& at);
template <class T>
bool read(reader& to, const msgpack::object& from, std::vector<T>& out, const path& at);

bool read(reader& to, const msgpack::object& from, std::string& out, const path& at) {
  if (from.type != msgpack::type::STR) return to.expected(at, "a string", from);
  out = text_of(from);
  return true;
}

bool read(reader& to, const msgpack::object& from, secret& out, const path& at) {
  return read(to, from, out.value, at);
}

bool read(reader& to, const msgpack::object& from, json_text& out, const path& at) {
  if (!read(to, from, out.raw, at)) return false;
  if (out.empty()) return true;
  auto valid = check_json(out.raw);
  return valid || to.refuse(at, std::move(valid.error().message));
}

bool read(reader& to, const msgpack::object& from, byte_string& out, const path& at) {
  if (from.type != msgpack::type::BIN) return to.expected(at, "bytes", from);
  out.data.assign(from.via.bin.ptr, from.via.bin.size);
  return true;
}

bool read(reader& to, const msgpack::object& from, bool& out, const path& at) {
  if (from.type != msgpack::type::BOOLEAN) return to.expected(at, "a boolean", from);
  out = from.via.boolean;
  return true;
}

bool read(reader& to, const msgpack::object& from, double& out, const path& at) {
  switch (from.type) {
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      out = from.via.f64;
      return true;
    case msgpack::type::POSITIVE_INTEGER:
      out = static_cast<double>(from.via.u64);
      return true;
    case msgpack::type::NEGATIVE_INTEGER:
      out = static_cast<double>(from.via.i64);
      return true;
    default:
      return to.expected(at, "a number", from);
  }
}

template <schema::integer T>
bool read(reader& to, const msgpack::object& from, T& out, const path& at) {
  const auto refuse_range = [&] {
    return to.refuse(at, "expected an integer from " +
                             std::to_string(std::numeric_limits<T>::min()) + " to " +
                             std::to_string(std::numeric_limits<T>::max()));
  };
  if (from.type == msgpack::type::POSITIVE_INTEGER) {
    if (!std::in_range<T>(from.via.u64)) return refuse_range();
    out = static_cast<T>(from.via.u64);
    return true;
  }
  if (from.type == msgpack::type::NEGATIVE_INTEGER) {
    if (!std::in_range<T>(from.via.i64)) return refuse_range();
    out = static_cast<T>(from.via.i64);
    return true;
  }
  return to.expected(at, "an integer", from);
}

template <schema::described_enum E>
bool read(reader& to, const msgpack::object& from, E& out, const path& at) {
  if (from.type != msgpack::type::STR) return to.expected(at, "a string", from);
  const auto value = schema::enum_value<E>(text_of(from));
  if (!value) return to.refuse(at, schema::unknown_enumerator<E>(text_of(from)));
  out = *value;
  return true;
}

template <class T>
bool read(reader& to, const msgpack::object& from, std::optional<T>& out, const path& at) {
  return read(to, from, out.emplace(), at);
}

template <class T>
bool read(reader& to, const msgpack::object& from, nullable<T>& out, const path& at) {
  return read(to, from, out.value.emplace(), at);
}

template <class T>
bool read(reader& to, const msgpack::object& from, std::vector<T>& out, const path& at) {
  if (from.type != msgpack::type::ARRAY) return to.expected(at, "an array", from);
  out.clear();
  // Not reserved: a small element on the wire may be a large struct here.
  for (std::uint32_t i = 0; i < from.via.array.size; ++i) {
    if (!read(to, from.via.array.ptr[i], out.emplace_back(), path{&at, {}, i})) return false;
  }
  return true;
}

template <schema::described T>
bool read(reader& to, const msgpack::object& from, T& out, const path& at) {
  if (from.type != msgpack::type::MAP) return to.expected(at, "a map", from);
  for (std::uint32_t i = 0; i < from.via.map.size; ++i) {
    const msgpack::object_kv& pair = from.via.map.ptr[i];
    if (pair.key.type != msgpack::type::STR || pair.val.type == msgpack::type::NIL) continue;
    bool good = true;
    const std::string_view name = text_of(pair.key);
    schema::visit_field(
        out, name, [&](auto& member) { good = read(to, pair.val, member, path{&at, name, 0}); });
    if (!good) return false;
  }
  return true;
}

// ---- writing

struct string_buffer {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};
using packer = msgpack::packer<string_buffer>;

template <schema::described T>
void write(packer& to, const T& value);

/// A str of at most 4 GiB; nothing in Troupe is near that (limits::body_bytes).
void write(packer& to, std::string_view value) {
  to.pack_str(static_cast<std::uint32_t>(value.size()));
  to.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
}
void write(packer& to, const std::string& value) {
  write(to, std::string_view(value));
}
void write(packer& to, const secret& value) {
  write(to, value.value);
}
void write(packer& to, const json_text& value) {
  write(to, value.raw);
}
void write(packer& to, const byte_string& value) {
  to.pack_bin(static_cast<std::uint32_t>(value.data.size()));
  to.pack_bin_body(value.data.data(), static_cast<std::uint32_t>(value.data.size()));
}
void write(packer& to, bool value) {
  value ? to.pack_true() : to.pack_false();
}
void write(packer& to, double value) {
  to.pack_double(value);
}
template <schema::integer T>
void write(packer& to, T value) {
  to.pack(value);
}
template <schema::described_enum E>
void write(packer& to, E value) {
  write(to, schema::enum_name(value));
}
template <class T>
void write(packer& to, const std::optional<T>& value) {
  if (value) return write(to, *value);
  to.pack_nil();
}
template <class T>
void write(packer& to, const nullable<T>& value) {
  write(to, value.value);
}
template <class T>
void write(packer& to, const std::vector<T>& values) {
  to.pack_array(static_cast<std::uint32_t>(values.size()));
  for (const T& value : values) write(to, value);
}

template <class T>
bool left_out(const T&) {
  return false;
}
template <class T>
bool left_out(const std::optional<T>& value) {
  return !value;
}
bool left_out(const json_text& value) {
  return value.empty();
}

template <schema::described T>
void write(packer& to, const T& value) {
  std::uint32_t fields = 0;
  schema::for_each_field(
      value, [&](std::string_view, const auto& member) { fields += !left_out(member); });
  to.pack_map(fields);
  schema::for_each_field(value, [&](std::string_view name, const auto& member) {
    if (left_out(member)) return;
    write(to, name);
    write(to, member);
  });
}

/// The bytes as a tree, bounded. Errors: `invalid_argument` without `param`.
result<msgpack::object> parse(std::string_view bytes, msgpack::zone& zone) {
  try {
    bounding_visitor bounds(bytes.size());
    std::size_t used = 0;
    if (!msgpack::v2::parse(bytes.data(), bytes.size(), used, bounds)) {
      return fail(errc::invalid_argument, "not valid MessagePack, or nested too deep");
    }
    if (used != bytes.size())
      return fail(errc::invalid_argument, "bytes follow the MessagePack value");
    used = 0;
    const auto by_reference = [](msgpack::type::object_type, std::size_t, void*) { return true; };
    return msgpack::unpack(zone, bytes.data(), bytes.size(), used, by_reference);
  } catch (const std::exception&) {
    return fail(errc::invalid_argument, "not valid MessagePack");
  }
}

} // namespace

template <class T>
result<T> decode(std::string_view bytes) {
  msgpack::zone zone(1024);
  const auto tree = parse(bytes, zone);
  if (!tree) return std::unexpected(tree.error());
  reader to;
  T out;
  if (!read(to, *tree, out, path{})) return std::unexpected(std::move(to.why));
  return result<T>(std::in_place, std::move(out));
}

template <class T>
std::string encode(const T& value) {
  std::string out;
  string_buffer buffer{out};
  packer to(buffer);
  write(to, value);
  return out;
}

#define TROUPE_MSGPACK_CODEC(T)                   \
  template result<T> decode<T>(std::string_view); \
  template std::string encode<T>(const T&);
TROUPE_MESSAGES(TROUPE_MSGPACK_CODEC)
#undef TROUPE_MSGPACK_CODEC

} // namespace troupe::msgpack_codec
