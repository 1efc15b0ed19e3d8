#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Ids of resumable streams and of their events. Pure.
namespace troupe {

/// `strm_`, the node's incarnation as 16 hexadecimal digits, and a UUIDv7 without dashes.
[[nodiscard]] std::string make_stream_id(std::uint64_t incarnation);

/// Which node has the stream; nothing when `id` is none.
[[nodiscard]] std::optional<std::uint64_t> node_of_stream(std::string_view id) noexcept;

/// What a client sends as `Last-Event-ID`: the stream's id, a colon and the event's number.
struct event_id {
  std::string stream;
  std::uint64_t number = 0;
};
[[nodiscard]] std::string to_string(const event_id& id);
[[nodiscard]] std::optional<event_id> event_id_of(std::string_view text);

} // namespace troupe
