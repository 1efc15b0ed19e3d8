#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace troupe::redis {

/// One answer of the server (RESP2).
struct value {
  enum class kind : std::uint8_t { nil, integer, text, error, array };
  kind what = kind::nil;
  std::int64_t number = 0;
  std::string text; ///< also a status or an error
  std::vector<value> items;
};

/// The words of one command as the server reads them.
[[nodiscard]] std::string command_bytes(const std::vector<std::string_view>& words);

/// hiredis' reader: bytes in, answers out. For servers that are trusted: an array's announced
/// length is believed.
class resp_reader {
public:
  resp_reader();
  ~resp_reader();
  resp_reader(const resp_reader&) = delete;
  resp_reader& operator=(const resp_reader&) = delete;

  /// False: it is no RESP2, or longer than limits::redis_reply_bytes; close the connection.
  [[nodiscard]] bool feed(std::string_view bytes);
  /// The next whole answer. False in `ok`, if it is no RESP2.
  [[nodiscard]] std::optional<value> next(bool& ok);

private:
  std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
};

} // namespace troupe::redis
