#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Why a request failed. The numbers never change meaning; 0 is "no error" and unused.
enum class errc : std::uint8_t {
  invalid_argument = 1,   ///< the request is wrong; `param` names the field
  unauthenticated = 2,    ///< no credential, or one that is wrong, expired or revoked
  forbidden = 3,          ///< known caller, not allowed
  not_found = 4,          ///< no such object, or another user's
  method_not_allowed = 5, ///< the route exists, the verb does not
  conflict = 6,           ///< exists already, or changed meanwhile
  too_large = 7,          ///< a body, header or field past its bound
  unsupported_media = 8,  ///< a content type that nobody here reads
  rate_limited = 9,       ///< a bound of this caller or of a queue; see retry_after_ms
  cancelled = 10,         ///< the requester went away or asked to stop
  deadline_exceeded = 11, ///< the instant passed after which nobody wants the answer
  unavailable = 12,       ///< nobody to ask, or a store is down
  worker_lost = 13,       ///< the node that worked on it is gone
  upstream_failed = 14,   ///< the model provider failed or broke off
  overloaded = 15,        ///< a queue is full
  draining = 16,          ///< the node is shutting down
  internal = 17,          ///< a bug or an unexpected answer
  dropped = 18,           ///< a reply was destroyed unanswered
  version = 19,           ///< a peer speaks another version
  /// Not an error: the handler handed its duty to answer to another node. Never leaves a process.
  delegated = 20,
};
BOOST_DESCRIBE_ENUM(errc, invalid_argument, unauthenticated, forbidden, not_found,
                    method_not_allowed, conflict, too_large, unsupported_media, rate_limited,
                    cancelled, deadline_exceeded, unavailable, worker_lost, upstream_failed,
                    overloaded, draining, internal, dropped, version, delegated)

/// Whether the work of a failed request had begun. `unknown` is the honest answer of a link that
/// broke.
enum class started_state : std::uint8_t { no = 0, yes = 1, unknown = 2 };
BOOST_DESCRIBE_ENUM(started_state, no, yes, unknown)

/// The one error type: crosses actors, nodes and, mapped by adapters/http, HTTP.
struct error {
  errc code = errc::internal;
  std::string message;              ///< for people; no secrets, no internals of a store
  std::string param;                ///< the offending field as a path, e.g. `messages[0].role`
  std::string reason;               ///< a word for programs, e.g. `model_not_found`; may be empty
  std::uint32_t retry_after_ms = 0; ///< 0: the caller's own back-off
  std::uint16_t status = 0;         ///< a provider's own HTTP status, kept; 0: from `code`
  started_state started = started_state::no;

  bool operator==(const error&) const = default;
};
BOOST_DESCRIBE_STRUCT(error, (), (code, message, param, reason, retry_after_ms, status, started))

/// Whether the same request may succeed later without change.
[[nodiscard]] bool is_retriable(errc code) noexcept;

/// The stable name, e.g. "not_found".
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// `started` is `no` for refusals and `unknown` for failures; who knows better says so.
[[nodiscard]] error make_error(errc code, std::string message, std::string param = {});
/// The same with `started` `no`: for what fails before it has any effect.
[[nodiscard]] error not_begun(error why);

} // namespace troupe
