#pragma once

#include "messages/base/error.hpp"
#include "messages/base/op_context.hpp"

#include <boost/describe/class.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Messages of the service `limits`, which keeps what callers may use at most (op_context.hpp,
/// usage_caps). Asked by routers and services only.
namespace troupe {

/// Takes all of this from every one of these caps, or nothing.
struct reserve_request {
  std::string id; ///< a UUID that the asker makes; asked again, it is not counted twice
  std::int64_t requests = 1;
  std::int64_t tokens = 0;
  std::int64_t streams = 0;          ///< 0 or 1; held until it is settled or no longer renewed
  std::int64_t micro_usd = 0;        ///< millionths of a dollar
  std::vector<usage_caps> caps = {}; ///< the caller's
  std::string address = {};          ///< the client's, as in op_context; may be empty
  bool operator==(const reserve_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(reserve_request, (),
                      (id, requests, tokens, streams, micro_usd, caps, address))

/// How one limit of a caller stands.
struct rate_limit {
  std::string kind; ///< `requests`, `tokens`, `streams` or `money`
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  std::int64_t reset_ms = 0; ///< until all of it is free again; 0: it is
  bool operator==(const rate_limit&) const = default;
};
BOOST_DESCRIBE_STRUCT(rate_limit, (), (kind, limit, remaining, reset_ms))

struct rate_limit_list {
  std::vector<rate_limit> data;
  bool operator==(const rate_limit_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(rate_limit_list, (), (data))

struct reserve_reply {
  std::optional<error> refused;   ///< `rate_limited`; absent: it was taken
  std::vector<std::string> kinds; ///< of what was taken, for settle_request; empty: no cap
  std::vector<rate_limit> limits; ///< of each kind the one that has the least left
  bool operator==(const reserve_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(reserve_reply, (), (refused, kinds, limits))

/// Says what was really used of a reservation, in the order of `kinds`. A second one changes
/// nothing.
struct settle_request {
  std::string id;
  std::vector<std::int64_t> amounts;
  bool operator==(const settle_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(settle_request, (), (id, amounts))

/// Keeps the streams of these reservations: every limits::stream_renew_every.
struct renew_request {
  std::vector<std::string> ids;
  bool operator==(const renew_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(renew_request, (), (ids))

struct renew_reply {
  std::vector<std::string> lost; ///< those that hold no stream any more
  bool operator==(const renew_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(renew_reply, (), (lost))

} // namespace troupe
