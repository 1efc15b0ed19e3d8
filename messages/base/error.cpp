#include "messages/base/error.hpp"

#include <boost/describe/enum_to_string.hpp>
#include <utility>

namespace troupe {

bool is_retriable(errc code) noexcept {
  switch (code) {
    case errc::rate_limited:
    case errc::deadline_exceeded:
    case errc::unavailable:
    case errc::worker_lost:
    case errc::upstream_failed:
    case errc::overloaded:
    case errc::draining:
      return true;
    default:
      return false;
  }
}

std::string_view to_string(errc code) noexcept {
  return boost::describe::enum_to_string(code, "unknown");
}

namespace {

/// Who makes one of these somewhere in the middle of its work cannot say that it had no effect.
started_state started_by(errc code) noexcept {
  switch (code) {
    case errc::cancelled:
    case errc::deadline_exceeded:
    case errc::unavailable:
    case errc::worker_lost:
    case errc::upstream_failed:
    case errc::internal:
    case errc::dropped:
      return started_state::unknown;
    default:
      return started_state::no;
  }
}

} // namespace

error not_begun(error why) {
  why.started = started_state::no;
  return why;
}

error make_error(errc code, std::string message, std::string param) {
  error out;
  out.started = started_by(code);
  out.code = code;
  out.message = std::move(message);
  out.param = std::move(param);
  return out;
}

} // namespace troupe
