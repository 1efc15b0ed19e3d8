#pragma once

#include "messages/base/ids.hpp"

#include <algorithm>
#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// What a subject may use at most; 0: no cap.
struct usage_caps {
  std::string subject; ///< `user:<id>`, `key:<id>` or `org:<id>`
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  std::int64_t streams = 0;           ///< at the same time
  std::int64_t micro_usd_per_day = 0; ///< millionths of a dollar
  bool operator==(const usage_caps&) const = default;
};
BOOST_DESCRIBE_STRUCT(usage_caps, (),
                      (subject, requests_per_minute, tokens_per_minute, streams, micro_usd_per_day))

/// Who asks, as the auth role found. Put in by the router; services accept it from no one else.
struct caller {
  std::string user; ///< user id; empty: nobody
  std::string email;
  std::vector<std::string> scopes; ///< messages/scopes.hpp; empty: all that its role may
  bool admin = false;
  std::string session;          ///< the session id of an access token, else empty
  std::string key;              ///< the id of an API key, else empty
  std::string organization;     ///< of that key: whose caps it counts against; may be empty
  bool is_limited = false;      ///< its requests are counted: ask the service `limits` first
  std::vector<usage_caps> caps; ///< of the key, the user and the organization, where there are any

  bool operator==(const caller&) const = default;
};
BOOST_DESCRIBE_STRUCT(caller, (),
                      (user, email, scopes, admin, session, key, organization, is_limited, caps))

/// What travels with every request beside its body. Over the wire it lies in the envelope's header.
struct op_context {
  using clock = std::chrono::steady_clock;

  call_id cid;                                           ///< names the request and its stream
  clock::time_point deadline = clock::time_point::max(); ///< after it nobody wants the answer
  std::string credential;  ///< bearer token or API key; read by the router only
  caller who;              ///< empty until the router filled it
  std::string request_id;  ///< `x-request-id`
  std::string traceparent; ///< W3C trace context, may be empty
  /// The client's IP address as an edge saw it, in the text of ip_address.hpp; empty in what nodes
  /// ask of each other, and from a peer that is older than the field.
  std::string client_address;
  /// The incarnation of the one node that can answer; 0: any. Who gets a request that has it was
  /// chosen by another node, and must not pass it on in questions of its own.
  std::uint64_t to = 0;

  /// Milliseconds left, at least 0.
  [[nodiscard]] std::chrono::milliseconds remaining(clock::time_point now = clock::now()) const {
    if (deadline == clock::time_point::max()) return std::chrono::milliseconds::max();
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now));
  }
};

} // namespace troupe
