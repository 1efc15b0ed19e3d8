#pragma once

#include "messages/base/values.hpp"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Messages of the service `log`.
namespace troupe {

enum class log_level : std::uint8_t { debug = 0, info = 1, warn = 2, error = 3, fatal = 4 };
BOOST_DESCRIBE_ENUM(log_level, debug, info, warn, error, fatal)

struct log_record {
  std::string id;   ///< `log_…`; given by the sender it makes a repeated append harmless
  std::string time; ///< RFC 3339 in UTC with microseconds; empty in a request: now
  log_level level = log_level::info;
  std::string service;        ///< 1 to 128 bytes
  std::string message;        ///< at most 64 KiB
  json_text attributes{"{}"}; ///< an object
  std::string user;           ///< the owner; set by the server
  bool operator==(const log_record&) const = default;
};
BOOST_DESCRIBE_STRUCT(log_record, (), (id, time, level, service, message, attributes, user))

/// What a client sends: level, service and message are required.
struct log_input {
  std::optional<log_level> level;
  std::string service;
  std::string message;
  json_text attributes;
  std::string time;
  bool operator==(const log_input&) const = default;
};
BOOST_DESCRIBE_STRUCT(log_input, (), (level, service, message, attributes, time))

/// Answered after the records are on disk; all or none.
struct append_logs_request {
  std::vector<log_input> records; ///< 1 to 1,000
  /// Internal senders only: names the batch, so that one sent again is stored once; record i gets
  /// the id `<batch>-<i>`.
  std::string batch;
  std::vector<std::string> users; ///< internal senders only: the owner of each record
  bool operator==(const append_logs_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(append_logs_request, (), (records, batch, users))

struct append_logs_reply {
  std::vector<log_record> data;
  bool operator==(const append_logs_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(append_logs_reply, (), (data))

struct patch_log_request {
  std::string id;
  json_text attributes; ///< a JSON Merge Patch (RFC 7396) on the record's attributes
  bool operator==(const patch_log_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(patch_log_request, (), (id, attributes))

struct list_logs_request {
  std::optional<log_level> level;
  std::string service;
  std::string q;             ///< every word must occur in the message, case-insensitively
  std::string since;         ///< RFC 3339, inclusive
  std::string until;         ///< RFC 3339, exclusive
  std::uint32_t limit = 100; ///< 1 to 1,000
  std::string cursor;        ///< `next_cursor` of the page before
  std::string user;          ///< admins: another user's records
  bool operator==(const list_logs_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_logs_request, (), (level, service, q, since, until, limit, cursor, user))

struct log_page {
  std::vector<log_record> data; ///< newest first
  bool has_more = false;
  nullable<std::string> next_cursor;
  bool operator==(const log_page&) const = default;
};
BOOST_DESCRIBE_STRUCT(log_page, (), (data, has_more, next_cursor))

/// Deletes the user's records. See TROUPE_INTERNAL_METHODS.
struct purge_logs_request {
  std::string user; ///< the owner's id
  bool operator==(const purge_logs_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(purge_logs_request, (), (user))

} // namespace troupe
