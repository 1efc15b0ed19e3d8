#pragma once

#include "actors/ports/purge_step.hpp"
#include "messages/base/reply.hpp"
#include "messages/log.hpp"

#include <string>
#include <vector>

namespace troupe {

/// Words that one list may ask for: each is looked for in every record on the way.
inline constexpr std::size_t log_words_max = 64;

/// A filter of records; empty fields do not filter.
struct log_filter {
  std::string user; ///< the owner, always set
  std::optional<log_level> level;
  std::string service;
  std::vector<std::string> words; ///< every one must occur in the message, case-insensitively
  std::string since;              ///< RFC 3339 in UTC with microseconds, inclusive
  std::string until;              ///< exclusive
  std::uint32_t limit = 100;
  std::string before; ///< a cursor as made by this store; empty: from the newest
};

struct log_slice {
  std::vector<log_record> records; ///< newest first (by time, then by arrival)
  std::string next;                ///< the cursor after the last record; empty: no more
};

/// Durable log records. Replies come on a thread of the adapter, after the records are on disk
/// (group commit). Errors: `unavailable`, `overloaded` when limits::store_queue appends wait,
/// `invalid_argument` (`cursor`; `q` past log_words_max), `not_found`.
class log_store {
public:
  virtual ~log_store() = default;
  /// All or none. A record whose id is there already is left as it is (at-least-once senders).
  virtual void append(std::vector<log_record> records, reply<done> answer) = 0;
  virtual void get(std::string user, std::string id, reply<log_record> answer) = 0;
  /// Merges `attributes` (RFC 7396) into the record's, atomically.
  virtual void patch(std::string user, std::string id, json_text attributes,
                     reply<log_record> answer) = 0;
  /// A slice ends at filter.limit records, or earlier when it has limits::log_page_bytes of text.
  virtual void list(log_filter filter, reply<log_slice> answer) = 0;
  /// Answers when everything appended before is on disk.
  virtual void flush(reply<done> answer) = 0;
  /// Deletes at most `max` (from 1) of the user's records and counts them.
  virtual void purge(std::string user, std::uint32_t max, reply<purge_step> answer) = 0;
};

} // namespace troupe
