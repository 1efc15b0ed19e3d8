#pragma once

#include "broker/bus.hpp"
#include "broker/envelope.hpp"

#include <string>
#include <string_view>

namespace troupe::wire {

/// The header of a request; without `svc` when its texts do not fit. Takes the texts, not the body.
/// `mid` is the message's own: call ids are made on many threads and come to the bus in any order.
[[nodiscard]] envelope request_header(instant now, bus_request& in, const call_id& mid);

/// The request of a header; takes its texts.
[[nodiscard]] bus_request request_of(envelope& header, std::string body, instant deadline);

/// What a method is called where a worker has it: without the prefix of what a router is asked for.
[[nodiscard]] std::string_view without_router(std::string_view method) noexcept;

} // namespace troupe::wire
