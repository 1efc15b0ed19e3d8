#include "broker/tap_client.hpp"

#include "broker/zmq/address.hpp"
#include "broker/zmq/curve.hpp"
#include "broker/zmq/socket.hpp"
#include "messages/base/ids.hpp"
#include "messages/codec/msgpack.hpp"

#include <memory>
#include <optional>

namespace troupe {
namespace {

using namespace wire;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds beat_every{1000}, renew_every{3000}, look_every{50}, silence{2500};
constexpr std::uint64_t link_frames = 1ull << 63; ///< counters of frames that are no call

/// One broker: greeted again when it forgets us; ZeroMQ makes the connection anew by itself.
class tapped_broker {
public:
  tapped_broker(const tap_config& config, std::string address, std::uint64_t link)
      : wish_(config.wish),
        address_(std::move(address)),
        link_(link),
        dealer_(make_socket(zmq::socket_type::dealer, address_)) {
    if (!config.key.value.empty())
      make_curve_client(
          dealer_, config.key,
          config.broker_keys.empty() ? public_key_of(config.key) : config.broker_keys.front());
    dealer_.connect(reachable(address_));
  }

  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] bool has_answered() const noexcept { return has_answered_; }
  [[nodiscard]] zmq::socket_t& socket() noexcept { return dealer_; }

  /// What there is to say by now.
  void pass(clock::time_point now, const tap_callbacks& told) {
    if (is_welcome_ && now - heard_ > silence) {
      is_welcome_ = false;
      told.note(address_, "the broker fell silent");
    }
    if (!is_welcome_ && now >= greeted_ + renew_every) greet(now);
    if (!is_welcome_) return;
    if (now >= beaten_ + beat_every) {
      beaten_ = now;
      say(frame::heartbeat, wire::encode(heartbeat_body{}));
    }
    if (now >= asked_ + renew_every) ask(now);
  }

  /// Every frame that waits. Errors: the broker refuses.
  result<void> take(clock::time_point now, const tap_callbacks& told) {
    while (auto in = receive_frames(dealer_, false)) {
      const auto header = in->is_whole ? wire::decode({in->header.data<char>(), in->header.size()})
                                       : fail(errc::invalid_argument, "frames");
      if (!header) continue;
      heard_ = now;
      const std::string_view body(in->body.data<char>(), in->body.size());
      if (auto fine = take(now, *header, body, told); !fine) return fine;
    }
    return {};
  }

  void leave() {
    tap_body end;
    end.is_over = true;
    say(frame::tap, wire::encode(end));
    say(frame::goodbye);
  }

private:
  result<void> take(clock::time_point now, const envelope& header, std::string_view body,
                    const tap_callbacks& told) {
    switch (header.type) {
      case frame::welcome:
        is_welcome_ = true;
        ask(now);
        return {};
      case frame::tap:
        if (!std::exchange(has_answered_, true)) told.note(address_, "looking on");
        return {};
      case frame::tapped:
        if (auto seen = decode_tapped(body)) told.frame(address_, *seen);
        return {};
      case frame::ping:
        say(frame::pong);
        return {};
      case frame::reset:
        greet(now);
        return {};
      case frame::error: {
        auto why = msgpack_codec::decode<error>(body);
        return std::unexpected(why ? std::move(*why)
                                   : make_error(errc::internal, "the broker refuses"));
      }
      default:
        return {};
    }
  }

  void greet(clock::time_point now) {
    is_welcome_ = false;
    greeted_ = heard_ = now;
    hello_body hello;
    hello.name = "tap";
    hello.incarnation = own_incarnation();
    hello.link = link_;
    hello.roles = {"tap"};
    say(frame::hello, wire::encode(hello));
  }
  void ask(clock::time_point now) {
    asked_ = now;
    say(frame::tap, wire::encode(wish_));
  }
  void say(frame type, std::string body = {}) {
    envelope e;
    e.type = type;
    e.mid = {own_incarnation(), ++said_ | link_frames};
    // One that cannot be sent is said again: all of them are, every few seconds.
    (void)send_frames(dealer_, nullptr, e, to_message(std::move(body)), scratch_);
  }

  const tap_body& wish_;
  const std::string address_;
  const std::uint64_t link_;
  zmq::socket_t dealer_;
  std::string scratch_;
  std::uint64_t said_ = 0;
  bool is_welcome_ = false, has_answered_ = false;
  clock::time_point greeted_{}, heard_{}, beaten_{}, asked_{};
};

result<void> look(std::vector<std::unique_ptr<tapped_broker>>& all, const tap_callbacks& told,
                  milliseconds patience) {
  const auto began = clock::now();
  while (!told.is_over()) {
    std::vector<zmq::pollitem_t> items;
    for (auto& b : all) items.push_back({b->socket().handle(), 0, ZMQ_POLLIN, 0});
    zmq_poll(items.data(), static_cast<int>(items.size()), look_every.count());
    const auto now = clock::now();
    bool has_any = false;
    for (auto& b : all) {
      b->pass(now, told);
      if (auto fine = b->take(now, told); !fine) return fine;
      has_any = has_any || b->has_answered();
    }
    if (!has_any && now - began > patience)
      return fail(errc::unavailable, "no broker answers at " + all.front()->address());
  }
  return {};
}

} // namespace

result<void> run_tap(const tap_config& config, const tap_callbacks& told, milliseconds patience) {
  std::vector<std::unique_ptr<tapped_broker>> all;
  try {
    for (const auto& address : config.brokers)
      all.push_back(std::make_unique<tapped_broker>(config, address, all.size() + 1));
  } catch (const std::exception& e) {
    return fail(errc::invalid_argument, std::string("cannot link: ") + e.what());
  }
  if (all.empty()) return fail(errc::invalid_argument, "no broker is named");
  auto end = look(all, told, patience);
  for (auto& b : all) b->leave();
  return end;
}

} // namespace troupe
