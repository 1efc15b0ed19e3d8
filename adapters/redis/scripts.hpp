#pragma once

#include <string>

/// The Lua scripts: each is done by the server as one step.
namespace troupe::redis {

struct script {
  std::string text;
  std::string sha1; ///< lower-case hex: its name for EVALSHA
};

/// KEYS: the reservation's record, then a counter a want. ARGV: the id, the record's life in ms,
/// then for each want: 1 for streams, `most`, window in ms, bucket in ms, amount. Answers [granted,
/// refused_by, retry_after ms, then remaining and reset ms for each want].
[[nodiscard]] const script& reserve_script();
/// KEYS: the record. ARGV: the id, then the amounts.
[[nodiscard]] const script& settle_script();
/// KEYS: records. ARGV: their ids. Answers 1 for each that holds a stream, else 0.
[[nodiscard]] const script& renew_script();

/// KEYS: the entry. ARGV: the value, its life in ms.
[[nodiscard]] const script& put_script();
/// KEYS: the entry. ARGV: the tombstone's life in ms.
[[nodiscard]] const script& revoke_script();

// An entry of the session cache begins with one of these.
inline constexpr char value_mark = 'v';
inline constexpr char tombstone_mark = 'r';

} // namespace troupe::redis
