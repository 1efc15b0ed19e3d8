#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// The text of server-sent events. Pure.
namespace troupe::http {

/// `data: …` or `event: x`, `data: …`, ended by an empty line; before them `id: …` when there is
/// one. Data of several lines becomes several `data:` lines, which a reader joins again.
void append_event(std::string& out, std::string_view event, std::string_view data,
                  std::string_view id = {});

/// Where a stream stands for its client.
struct stream_position {
  std::string stream;       ///< the id of one that can be resumed, or empty
  std::uint64_t events = 0; ///< the number of the last one
};

/// `event: error` with the error in OpenAI's shape: the only honest end of a stream that broke.
/// `events` in it is how many came before it, `last_event_id` from where to continue.
void append_error_event(std::string& out, const error& why, const stream_position& at);

/// A comment: readers skip it, proxies see that the stream lives.
inline constexpr std::string_view sse_comment = ": \n\n";

inline constexpr std::string_view sse_done = "data: [DONE]\n\n";

/// One chunk of HTTP/1.1's chunked coding.
void append_chunk(std::string& out, std::string_view data);

inline constexpr std::string_view last_chunk = "0\r\n\r\n";

} // namespace troupe::http
