#include "broker/request_header.hpp"

#include "broker/access.hpp"

#include <utility>

namespace troupe::wire {
namespace {

/// What an envelope's header takes beside its texts, with the principal that a broker adds;
/// generous.
constexpr std::size_t header_overhead = 128 + 8 + principal_bytes;

} // namespace

envelope request_header(instant now, bus_request& in, const call_id& mid) {
  envelope e;
  e.type = frame::request;
  const auto texts = in.method.size() + in.credential.size() + in.caller.size() +
                     in.request_id.size() + in.traceparent.size() + in.client_address.size();
  if (texts + header_overhead > limits::wire_header_bytes) return e;
  e.flags =
      static_cast<std::uint8_t>((in.idempotent ? idempotent : 0) | (in.streamed ? streamed : 0) |
                                (in.delegated ? delegated : 0));
  e.mid = mid;
  e.cid = in.cid;
  e.ttl_ms = ttl_of(now, in.deadline);
  e.svc = std::move(in.method);
  e.to = in.to;
  e.priority = in.priority;
  e.credential = std::move(in.credential);
  e.caller = std::move(in.caller);
  e.request_id = std::move(in.request_id);
  e.traceparent = std::move(in.traceparent);
  e.client_address = std::move(in.client_address);
  return e;
}

std::string_view without_router(std::string_view method) noexcept {
  if (method.starts_with(router_prefix)) method.remove_prefix(router_prefix.size());
  return method;
}

bus_request request_of(envelope& header, std::string body, instant deadline) {
  bus_request out;
  out.method = std::move(header.svc);
  out.cid = header.cid;
  out.delegated = (header.flags & delegated) != 0;
  out.idempotent = (header.flags & idempotent) != 0;
  out.streamed = (header.flags & streamed) != 0;
  out.deadline = deadline;
  out.to = header.to;
  out.credential = std::move(header.credential);
  out.caller = std::move(header.caller);
  out.request_id = std::move(header.request_id);
  out.traceparent = std::move(header.traceparent);
  out.client_address = std::move(header.client_address);
  out.body = std::move(body);
  return out;
}

} // namespace troupe::wire
