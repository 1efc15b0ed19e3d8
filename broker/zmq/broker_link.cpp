#include "broker/zmq/broker_link.hpp"

#include "broker/link_metrics.hpp"
#include "messages/base/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>

namespace troupe::wire {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds back_off_first{20}, back_off_most{1500}, connect_patience{2500};
constexpr int turns_at_the_end = 1000;
const std::string plain;

/// A ZeroMQ socket's descriptor on the loop. It tells that there *may* be something: only a receive
/// that finds nothing arms it again (zmq_getsockopt(3), ZMQ_FD).
class socket_watch {
public:
  socket_watch(asio::io_context& io, zmq::socket_t& socket)
      : descriptor_(io, socket.get(zmq::sockopt::fd)) {}
  ~socket_watch() { descriptor_.release(); } // the descriptor is ZeroMQ's
  socket_watch(const socket_watch&) = delete;
  socket_watch& operator=(const socket_watch&) = delete;

  template <class F>
  void wait(F then) {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read, std::move(then));
  }

private:
  asio::posix::stream_descriptor descriptor_;
};

} // namespace

/// The connection of the moment: thrown away whole when it breaks.
struct broker_link::connection {
  connection(asio::io_context& io, const std::string& address, const secret& key,
             const std::string& broker_key)
      : dealer(make_socket(zmq::socket_type::dealer, address)),
        ends(dealer),
        frames_watch(io, dealer),
        ends_watch(io, ends.socket()) {
    if (!key.value.empty()) make_curve_client(dealer, key, broker_key);
    dealer.connect(address);
  }
  zmq::socket_t dealer;
  end_monitor ends;
  socket_watch frames_watch, ends_watch;
};

void broker_link::supervise(instant now) {
  if (now < retry_) return;
  if (connection_)
    return drop(now, is_up_ ? "a message could not be sent" : "no connection in time");
  try {
    const auto& broker_key = keys_.brokers.empty() ? plain : keys_.brokers[key_in_turn_];
    connection_ = std::make_shared<connection>(io_, address_, keys_.own, broker_key);
    is_up_ = is_empty_ = false;
    retry_ = now + connect_patience;
    watch_frames();
    watch_ends();
  } catch (const std::exception& e) {
    log::error("bus.connect", {{"address", address_}, {"why", e.what()}});
    schedule_retry(now);
  }
}

void broker_link::schedule_retry(instant now) {
  const auto most = std::min(back_off_most, back_off_first * (1 << std::min(attempts_, 8u)));
  ++attempts_;
  std::uniform_int_distribution<int> chance(0, static_cast<int>(most.count()));
  retry_ = now + milliseconds(5) + milliseconds(chance(jitter_));
}

/// A socket with `immediate` takes messages only over a connection that has shaken hands.
bool broker_link::comes_up() {
  if (!connection_ || is_up_ || (connection_->dealer.get(zmq::sockopt::events) & ZMQ_POLLOUT) == 0)
    return false;
  is_up_ = true;
  retry_ = instant::max();
  return true;
}

void broker_link::drop(instant now, std::string_view why) {
  if (!connection_) return;
  if (is_up_) log::warn("bus.link_lost", {{"address", address_}, {"why", why}});
  connection_.reset();
  // Another broker key is for one whose handshake failed.
  if (!is_up_ && !keys_.brokers.empty()) key_in_turn_ = (key_in_turn_ + 1) % keys_.brokers.size();
  is_up_ = false;
  schedule_retry(now);
  bus_metrics::reconnect();
  told_.dropped(*this);
}

void broker_link::watch_frames() {
  connection_->frames_watch.wait(
      [this, life = std::weak_ptr(connection_)](boost::system::error_code failed) noexcept {
        if (failed || life.expired()) return;
        is_empty_ = false;
        told_.news();
        // After it: the wait looks at once, and would find what the turn is there to take.
        if (!life.expired()) watch_frames();
      });
}

void broker_link::watch_ends() {
  connection_->ends_watch.wait(
      [this, life = std::weak_ptr(connection_)](boost::system::error_code failed) noexcept {
        if (failed || life.expired()) return;
        const auto seen = connection_->ends.take();
        if (seen.refused > 0) note_refusal();
        if (seen.ended == 0) return watch_ends();
        is_empty_ = false;
        for (int turn = 0; turn < turns_at_the_end && is_up() && !is_empty_; ++turn)
          told_.news(); // what arrived before
        if (life.expired()) return;
        drop(std::chrono::steady_clock::now(), "the connection ended");
        told_.news(); // the alarm that is set may be that of the whole patience
      });
}

/// Once, until this link has been a good one: it is tried again and again.
void broker_link::note_refusal() {
  if (std::exchange(is_refusal_said_, true)) return;
  log::error("bus.denied", {{"address", address_},
                            {"key", public_key_of(keys_.own)},
                            {"why", "the broker's allow-list does not have this node's key"}});
}

std::optional<received_frames> broker_link::receive() {
  if (is_empty_ || !is_up()) return std::nullopt;
  auto in = receive_frames(connection_->dealer, false);
  is_empty_ = !in;
  return in;
}

void broker_link::send(instant now, const envelope& header, std::string body,
                       std::string& scratch) {
  if (!is_up()) return;
  is_empty_ = false;
  if (send_frames(connection_->dealer, nullptr, header, to_message(std::move(body)), scratch) !=
      sent::ok)
    retry_ = now; // the next turn drops the link; a message more or less is lost with it
}

void* broker_link::socket_handle() const noexcept {
  return connection_ ? connection_->dealer.handle() : nullptr;
}

} // namespace troupe::wire
