#pragma once

#include <boost/describe/class.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace troupe {

/// A UUIDv7 (RFC 9562): 36 lower-case characters, rising with time within a process. Thread-safe.
[[nodiscard]] std::string make_uuid();

/// Whether `text` is a UUID (RFC 9562) of any version, with dashes, in lower case.
[[nodiscard]] bool is_uuid(std::string_view text) noexcept;

/// `prefix` and a UUIDv7 without dashes, e.g. make_id("file-"). Thread-safe.
[[nodiscard]] std::string make_id(std::string_view prefix);

/// Names one request and its stream in the whole cluster: the requesting node's incarnation
/// (random, new at every start) and a counter of that node. BACKBONE: the conversation id.
struct call_id {
  std::uint64_t incarnation = 0;
  std::uint64_t counter = 0;

  auto operator<=>(const call_id&) const = default;
};
BOOST_DESCRIBE_STRUCT(call_id, (), (incarnation, counter))

/// This process's incarnation: 64 random bits, never 0.
[[nodiscard]] std::uint64_t own_incarnation() noexcept;

/// A fresh call id of this process. Thread-safe.
[[nodiscard]] call_id make_call_id() noexcept;

} // namespace troupe

template <>
struct std::hash<troupe::call_id> {
  std::size_t operator()(const troupe::call_id& id) const noexcept {
    return static_cast<std::size_t>(id.incarnation ^ (id.counter * 0x9E3779B97F4A7C15ull));
  }
};
