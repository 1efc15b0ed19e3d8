#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// The head of a response as text. Pure but for the clock.
namespace troupe::http {

struct response_head {
  unsigned status = 200;
  std::string_view content_type; ///< empty: no body
  std::string_view request_id;   ///< empty: left out
  std::string_view common = {};  ///< whole lines that every answer has, each with CRLF
  std::string_view cors = {};    ///< the same, for pages of other origins
  std::string_view extra;        ///< whole further lines, each with CRLF
  std::uint64_t content_length = 0;
  std::int64_t processing_ms = -1; ///< negative: left out
  std::uint32_t retry_after_ms = 0;
  bool streamed = false; ///< no Content-Length
  bool chunked = false;
  bool keep_alive = true;
  bool http_1_0 = false;
};

/// Appends status line, header lines and the empty line. JSON that says nothing of caches is not to
/// be stored: it may have tokens in it.
void append_head(std::string& out, const response_head& in);

} // namespace troupe::http
