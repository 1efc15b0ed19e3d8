#include "broker/zmq/socket.hpp"

#include "messages/base/ids.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace troupe::wire {
namespace {

constexpr int high_water = 200'000; // credit is the bound; whoever gets here is cut off
constexpr int handshake_failed = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr std::size_t copied_body_bytes = 2048; // below this a copy is cheaper than an owner

} // namespace

zmq::context_t& process_context() {
  static auto* const context = new zmq::context_t(1); // never ended
  return *context;
}

zmq::socket_t make_socket(zmq::socket_type type, const std::string& address) {
  zmq::socket_t s(process_context(), type);
  s.set(zmq::sockopt::linger, 200);
  s.set(zmq::sockopt::sndhwm, high_water);
  s.set(zmq::sockopt::rcvhwm, high_water);
  s.set(zmq::sockopt::sndtimeo, 0);
  s.set(zmq::sockopt::rcvtimeo, 0);
  s.set(zmq::sockopt::immediate, true);
  s.set(zmq::sockopt::ipv6, address.find('[') != std::string::npos);
  s.set(zmq::sockopt::handshake_ivl, 3000);
  s.set(zmq::sockopt::connect_timeout, 2000);
  s.set(zmq::sockopt::reconnect_ivl, -1); // the link is made anew, with jitter of our own
  s.set(zmq::sockopt::tcp_keepalive, 1);
  s.set(zmq::sockopt::maxmsgsize,
        static_cast<std::int64_t>(limits::bus_body_bytes + limits::wire_slack_bytes));
  if (type == zmq::socket_type::router) s.set(zmq::sockopt::router_mandatory, true);
  return s;
}

zmq::message_t to_message(std::string body) {
  if (body.size() <= copied_body_bytes) return zmq::message_t(body.data(), body.size());
  auto* owner = new std::string(std::move(body));
  return zmq::message_t(
      owner->data(), owner->size(),
      [](void*, void* hint) { delete static_cast<std::string*>(hint); }, owner);
}

zmq::message_t to_message(body_ptr body) {
  if (!body) return {};
  if (auto* m = dynamic_cast<message_body*>(body.get())) {
    if (body.use_count() == 1) return std::move(m->message());
    zmq::message_t shared;
    shared.copy(m->message());
    return shared;
  }
  if (auto* s = dynamic_cast<string_body*>(body.get()); s != nullptr && body.use_count() == 1)
    return to_message(s->take());
  return zmq::message_t(body->bytes().data(), body->bytes().size());
}

sent send_frames(zmq::socket_t& socket, const std::string* to, const envelope& header,
                 zmq::message_t body, std::string& scratch) {
  void* const raw = socket.handle();
  const auto failure = [] { return errno == EHOSTUNREACH ? sent::gone : sent::full; };
  if (to != nullptr && zmq_send(raw, to->data(), to->size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
    return failure();
  encode(header, scratch);
  const bool has_body = body.size() > 0;
  const int more = has_body ? ZMQ_SNDMORE : 0;
  if (zmq_send(raw, scratch.data(), scratch.size(), more | ZMQ_DONTWAIT) < 0) return failure();
  if (has_body && zmq_msg_send(body.handle(), raw, ZMQ_DONTWAIT) < 0) return failure();
  return sent::ok;
}

std::optional<received_frames> receive_frames(zmq::socket_t& socket, bool is_router) {
  received_frames in;
  zmq::message_t frame;
  const auto next = [&](zmq::message_t& into) {
    return zmq_msg_recv(into.handle(), socket.handle(), ZMQ_DONTWAIT) >= 0;
  };
  if (is_router) {
    if (!next(frame)) return std::nullopt;
    in.from.assign(frame.data<char>(), frame.size());
    if (!frame.more() || !next(in.header)) return in;
  } else if (!next(in.header)) {
    return std::nullopt;
  }
  in.is_whole = true;
  if (in.header.more()) {
    if (!next(in.body)) in.is_whole = false;
    for (bool more = in.body.more(); more; more = frame.more()) {
      in.is_whole = false;
      if (!next(frame)) break;
    }
  }
  return in;
}

end_monitor::end_monitor(zmq::socket_t& of)
    : of_(of), events_(process_context(), zmq::socket_type::pair) {
  static std::atomic<std::uint64_t> made{0};
  const auto address = "inproc://troupe-ends-" + std::to_string(++made);
  const int events =
      ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | handshake_failed;
  if (zmq_socket_monitor(of_.handle(), address.c_str(), events) != 0) throw zmq::error_t();
  events_.set(zmq::sockopt::linger, 0);
  events_.connect(address);
  (void)take(); // only a pipe that was found empty once signals what comes
}

end_monitor::~end_monitor() {
  zmq_socket_monitor(of_.handle(), nullptr, 0);
}

connection_events end_monitor::take() {
  connection_events seen;
  zmq::message_t event, address;
  while (zmq_msg_recv(event.handle(), events_.handle(), ZMQ_DONTWAIT) >= 0) {
    if (event.more()) zmq_msg_recv(address.handle(), events_.handle(), ZMQ_DONTWAIT);
    std::uint16_t what = 0; // zmq_socket_monitor(3): the number of the event comes first
    if (event.size() >= sizeof what) std::memcpy(&what, event.data(), sizeof what);
    if (what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
      ++seen.opened;
      continue;
    }
    ++seen.ended;
    if ((what & handshake_failed) != 0) ++seen.failed;
    if (what == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) ++seen.refused;
  }
  return seen;
}

wake_up::wake_up() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}
wake_up::~wake_up() {
  close(fd_);
}

void wake_up::signal() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then it is readable already.
  [[maybe_unused]] const auto n = write(fd_, &one, sizeof one);
}

void wake_up::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto n = read(fd_, &count, sizeof count);
}

std::chrono::milliseconds until(std::chrono::steady_clock::time_point at) {
  using namespace std::chrono;
  if (at == steady_clock::time_point::max()) return hours(1);
  const auto left = ceil<milliseconds>(at - steady_clock::now());
  return std::clamp<milliseconds>(left, milliseconds(0), milliseconds(60'000));
}

} // namespace troupe::wire
