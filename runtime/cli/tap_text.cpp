#include "runtime/cli/tap_text.hpp"

#include "broker/flight_file.hpp"
#include "runtime/cli/flight_text.hpp"
#include "runtime/cli/terminal.hpp"

#include <boost/json.hpp>

namespace troupe::cli {
namespace {

/// A frame is a frame, recorded or seen live.
wire::flight_event event_of(const wire::tapped_body& in) {
  wire::flight_event out;
  out.kind = in.is_sent ? wire::flight_kind::sent : wire::flight_kind::received;
  out.at = std::chrono::microseconds(in.at_us);
  out.peer = shortened(in.peer, 18);
  out.header = in.header;
  out.body_size = in.body_bytes;
  return out;
}

} // namespace

std::string tap_line(const wire::tapped_body& in) {
  std::string out;
  if (in.missed > 0) out = "(" + std::to_string(in.missed) + " more were not shown)\n";
  out += flight_line(event_of(in));
  if (!in.body.empty()) out += "\n      " + shortened(in.body, wire::tapped_text_bytes);
  return out;
}

std::string tap_json(const std::string& broker, const wire::tapped_body& in) {
  auto out = boost::json::parse(flight_json(event_of(in))).as_object();
  out["broker"] = broker;
  out["peer"] = in.peer;
  if (!in.service.empty()) out["service"] = in.service;
  if (!in.header.request_id.empty()) out["request_id"] = printable(in.header.request_id);
  if (!in.header.traceparent.empty()) out["traceparent"] = printable(in.header.traceparent);
  if (!in.body.empty()) out["text"] = printable(in.body);
  if (in.missed > 0) out["missed"] = in.missed;
  return boost::json::serialize(out);
}

result<std::uint64_t> frame_type_named(std::string_view name) {
  std::string known;
  for (std::size_t n = 1; n < wire::frame_types; ++n) {
    const auto one = wire::to_string(static_cast<wire::frame>(n));
    if (one == wire::to_string(wire::frame{})) continue;
    if (one == name) return n;
    known += (known.empty() ? "" : ", ") + std::string(one);
  }
  return fail(errc::invalid_argument, "--type is one of " + known, "type");
}

} // namespace troupe::cli
