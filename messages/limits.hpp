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

// Among the nodes that serve limits, where each shard of the counters has one owner.

/// One bound of a reservation. An empty scope stands for one that another shard's owner counts.
struct shard_want {
  std::string scope;
  std::uint32_t kind = 0; ///< as of limit_kind: 0 requests, 1 tokens, 2 money, 3 streams
  std::int64_t most = 0;
  std::int64_t window_ms = 0;
  std::int64_t amount = 0;
  bool operator==(const shard_want&) const = default;
};
BOOST_DESCRIBE_STRUCT(shard_want, (), (scope, kind, most, window_ms, amount))

/// Takes what lies in this shard, all of it or nothing.
struct shard_reserve_request {
  std::uint32_t shard = 0;
  std::string id;
  std::vector<shard_want> wants; ///< all of the reservation's, so that settling needs no more
  bool operator==(const shard_reserve_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(shard_reserve_request, (), (shard, id, wants))

struct shard_verdict {
  bool granted = false;
  std::uint32_t refused_by = 0; ///< the want's index
  std::int64_t retry_after_ms = 0;
  std::vector<std::int64_t> remaining; ///< one a want
  std::vector<std::int64_t> reset_ms;  ///< one a want
  bool operator==(const shard_verdict&) const = default;
};
BOOST_DESCRIBE_STRUCT(shard_verdict, (), (granted, refused_by, retry_after_ms, remaining, reset_ms))

struct shard_settle_request {
  std::uint32_t shard = 0;
  std::string id;
  std::vector<std::int64_t> amounts; ///< one a want of the whole reservation
  bool operator==(const shard_settle_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(shard_settle_request, (), (shard, id, amounts))

struct shard_renew_request {
  std::uint32_t shard = 0;
  std::vector<std::string> ids;
  bool operator==(const shard_renew_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(shard_renew_request, (), (shard, ids))

// What the owner of a shard saves for the next one. Times are milliseconds of the owner's clock.

/// A counter of limit_book: the buckets of a sliding window, or who holds a stream until when.
struct counter_state {
  std::string name;
  std::vector<std::int64_t> numbers; ///< of its buckets, ascending
  std::vector<std::int64_t> amounts; ///< one a bucket
  std::vector<std::string> holders;  ///< reservations
  std::vector<std::int64_t> until;   ///< one a holder
  bool operator==(const counter_state&) const = default;
};
BOOST_DESCRIBE_STRUCT(counter_state, (), (name, numbers, amounts, holders, until))

/// A reservation that may still be settled; the vectors have an element for each of its wants.
struct reservation_state {
  std::string id;
  std::int64_t until = 0;
  std::vector<std::string> counters; ///< empty: counted elsewhere
  std::vector<std::int64_t> buckets;
  std::vector<std::int64_t> amounts;
  std::vector<std::int64_t> leases; ///< their length; 0: not a stream
  bool operator==(const reservation_state&) const = default;
};
BOOST_DESCRIBE_STRUCT(reservation_state, (), (id, until, counters, buckets, amounts, leases))

struct limit_shard_state {
  std::int64_t saved_at = 0;
  std::vector<counter_state> counters;
  std::vector<reservation_state> reservations;
  bool operator==(const limit_shard_state&) const = default;
};
BOOST_DESCRIBE_STRUCT(limit_shard_state, (), (saved_at, counters, reservations))

} // namespace troupe
