#include "broker/broker_state.hpp"
#include "broker/flight_recorder.hpp"
#include "broker/link_metrics.hpp"
#include "broker/zmq/address.hpp"
#include "broker/zmq/curve.hpp"
#include "broker/zmq/self_test.hpp"
#include "broker/zmq/socket.hpp"
#include "broker/zmq/zap.hpp"
#include "broker/zmq_bus.hpp"
#include "messages/base/idle_spin.hpp"
#include "messages/base/log.hpp"

#include <poll.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace troupe {
namespace {

using namespace wire;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How many messages are taken before the clock is read and the poll looked at again.
constexpr int batch = 256, batches_a_turn = 8;

/// The address for libzmq, or empty with the reason.
std::string checked_address(const broker_config& config, std::string& why) {
  auto [host, port] = split_address(config.bind);
  const bool is_encrypted = !config.key.value.empty();
  if (host == "localhost") host = "127.0.0.1";
  if (!is_literal(host) && host != "*")
    why = "'" + config.bind + "' is not an address like tcp://127.0.0.1:7700";
  else if (is_encrypted != (config.access != nullptr))
    why = "a key and an allow-list go together";
  else if (!is_encrypted && !is_loopback(host))
    why = "'" + config.bind + "' is not a loopback address: there a broker needs a key";
  else
    return host == "*" ? "tcp://*:" + port : join_address(host, port);
  return {};
}

/// Who may link, and the socket's part in it. None: the links are not encrypted.
std::unique_ptr<zap_domain> guard(zmq::socket_t& router, const broker_config& config) {
  if (config.key.value.empty()) return nullptr;
  auto domain = std::make_unique<zap_domain>(config.access);
  make_curve_server(router, config.key, domain->name());
  return domain;
}

constexpr milliseconds drain_grace{300}, drain_poll{20};
constexpr std::size_t spin_calls = 2;
/// All peers are asked when a connection ends. Strangers, who may connect and go as they like, must
/// not make that a flood.
constexpr milliseconds ask_pause{20}, ask_again{50}, failures_pause{1000};

class broker_node_impl final : public broker_node {
public:
  broker_node_impl(const std::string& address, const broker_config& config)
      : spin_(config.spin),
        router_(make_socket(zmq::socket_type::router, address)),
        guard_(guard(router_, config)),
        recorder_(config.recorder),
        ends_(router_),
        state_(incarnation_) {
    router_.bind(address);
    address_ = router_.get(zmq::sockopt::last_endpoint);
    state_.introduce(config.name, address_);
    if (recorder_) recorder_->describe(config.name, address_, incarnation_);
    if (guard_) {
      test_guard(public_key_of(config.key));
      step(access_changed{config.access});
    }
    thread_ = std::thread([this] { run(); });
  }

  ~broker_node_impl() override { stop(); }

  [[nodiscard]] std::string address() const override { return address_; }

  void set_access(std::shared_ptr<const access_table> table) override {
    if (!guard_) return;
    guard_->change(table); // first: who is cut off must not come back
    {
      const std::lock_guard lock(mutex_);
      next_access_ = std::move(table);
    }
    wake_.signal();
  }

  void drain(milliseconds patience) override {
    is_draining_ = true;
    wake_.signal();
    {
      std::unique_lock lock(mutex_);
      idle_.wait_for(lock, patience, [this] { return is_idle_; });
    }
    stop();
  }

private:
  /// A broker that lets anybody in must not begin.
  void test_guard(const std::string& own_key) {
    const auto stranger = make_key_pair();
    guard_->expect(stranger.public_key);
    std::string why;
    if (!is_refused(stranger, address_, own_key, why)) throw std::runtime_error(why);
  }

  void stop() {
    is_stopping_ = true;
    wake_.signal();
    std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  void run() {
    pthread_setname_np(pthread_self(), "broker");
    const int frames = router_.get(zmq::sockopt::fd), ends = ends_.socket().get(zmq::sockopt::fd);
    while (!is_stopping_) {
      if (is_draining_) look_for_idle();
      const bool is_awake = take_frames() || (may_spin() && spin());
      // The descriptors tell of news since the last receive that found nothing (ZMQ_FD).
      pollfd items[] = {{frames, POLLIN, 0}, {ends, POLLIN, 0}, {wake_.fd(), POLLIN, 0}};
      const auto wake_at = is_draining_ ? now_ + drain_poll : std::min(state_.due(), probe_);
      ::poll(items, 3, is_awake ? 0 : static_cast<int>(until(wake_at).count()));
      if ((items[2].revents & POLLIN) != 0) take_wake_up();
      if ((items[1].revents & POLLIN) != 0) take_ends();
    }
    say_goodbye();
  }

  void take_wake_up() {
    wake_.clear();
    std::unique_lock lock(mutex_);
    auto table = std::exchange(next_access_, nullptr);
    lock.unlock();
    now_ = clock::now();
    if (table) step(access_changed{std::move(table)});
  }

  /// Until a receive finds nothing, and nothing was sent after it: a send may swallow the signal.
  /// Or for so long that other news has waited enough, a key that was taken out of the allow-list
  /// among it. Whether there may be more.
  bool take_frames() {
    for (int n = 0; n < batches_a_turn && !is_stopping_; ++n) {
      const bool has_more = take_batch();
      if (!tick() && !has_more) return false;
    }
    return true;
  }

  /// One call after the other: the next frame comes within microseconds, and each wake-up of an
  /// idle core costs it 30. With more calls at once there is always somebody awake.
  [[nodiscard]] bool may_spin() const {
    return state_.in_flight() <= spin_calls && !is_draining_ && spin_.may_look(now_, last_frame_);
  }

  /// Looks for a frame for a while, but leaves the core to whoever wants it. True when one came, or
  /// when there may be more.
  bool spin() {
    const auto before = last_frame_;
    const auto wake_at = std::min(state_.due(), probe_);
    while (last_frame_ == before && may_spin() && now_ < wake_at && !is_stopping_) {
      spin_.yield();
      if (take_batch()) return true;
    }
    return last_frame_ != before;
  }

  /// The monitor may speak before the ROUTER has forgotten the peer, so it is asked once more.
  void take_ends() {
    const auto seen = ends_.take();
    note_failures(seen.failed - seen.refused); // of a refusal its handler has told
    if (seen.ended == 0) return;
    now_ = clock::now();
    if (now_ < asked_ + ask_pause) return void(probe_ = std::min(probe_, asked_ + ask_again));
    asked_ = now_;
    step(link_dropped{});
    probe_ = now_ + ask_again;
  }

  /// A peer without encryption, with another key of this broker in mind, or too slow. libzmq does
  /// not tell its address; the handler of the domain does when it knows one.
  void note_failures(int count) {
    if (count == 0) return;
    metrics_.handshakes_failed(count);
    unsaid_failures_ += count;
    if (now_ < failures_said_ + failures_pause) return;
    failures_said_ = now_;
    log::warn("broker.handshake_failed", {{"count", std::exchange(unsaid_failures_, 0)}});
  }

  /// Whether there was something to do.
  bool tick() {
    now_ = clock::now();
    const bool has_to_probe = now_ >= probe_, is_due = now_ >= state_.due();
    if (has_to_probe) {
      probe_ = clock::time_point::max();
      step(link_dropped{});
    }
    if (is_due) {
      step(time_passed{});
      metrics_.publish(state_);
    }
    return has_to_probe || is_due;
  }

  /// Whether there may be more.
  bool take_batch() {
    now_ = clock::now();
    for (int n = 0; n < batch; ++n) {
      auto in = receive_frames(router_, true);
      if (!in) return false;
      auto header =
          in->is_whole ? decode(bytes(in->header)) : fail(errc::invalid_argument, "frames");
      if (!header) {
        state_.count_malformed();
        continue;
      }
      last_frame_ = now_;
      metrics_.taken(header->type);
      body_ptr body;
      if (in->body.size() > 0) body = std::make_shared<message_body>(std::move(in->body));
      const auto key = guard_ ? key_of(in->header) : std::string_view();
      step(frame_received{std::move(in->from), std::move(*header), std::move(body), key});
    }
    return true;
  }

  static std::string_view bytes(const zmq::message_t& m) { return {m.data<char>(), m.size()}; }

  void step(broker_input in) {
    if (recorder_) recorder_->took(now_, in);
    state_.step(now_, std::move(in), out_);
    flush();
  }

  /// A peer that cannot be sent to is gone, which may give more to send.
  void flush() {
    while (!out_.empty()) {
      sending_.swap(out_);
      for (auto& o : sending_) {
        if (recorder_) recorder_->sent(now_, o);
        const auto how =
            send_frames(router_, &o.to, o.header, to_message(std::move(o.body)), scratch_);
        if (how == sent::ok) continue;
        const peer_gone gone{std::move(o.to), how != sent::gone};
        if (recorder_) recorder_->took(now_, gone);
        state_.step(now_, gone, out_);
      }
      sending_.clear();
    }
  }

  /// Peers that are told to end at the same time need the broker for their last messages: it waits
  /// a moment for their DRAIN, and then until they have left.
  void look_for_idle() {
    if (drain_began_ == clock::time_point()) drain_began_ = now_;
    step(drain_started{});
    if (state_.in_flight() > 0 || state_.draining_peers() > 0 || now_ < drain_began_ + drain_grace)
      return;
    {
      std::lock_guard lock(mutex_);
      is_idle_ = true;
    }
    idle_.notify_all();
  }

  /// The peers close their side when they hear it; waits a little so that they do.
  void say_goodbye() {
    now_ = clock::now();
    auto left = static_cast<int>(state_.peers());
    (void)ends_.take();
    step(broker_stopping{});
    const auto until_when = now_ + milliseconds(100);
    while (left > 0 && clock::now() < until_when) {
      zmq::pollitem_t items[] = {{ends_.socket().handle(), 0, ZMQ_POLLIN, 0}};
      zmq_poll(items, 1, until(until_when).count());
      left -= ends_.take().ended;
    }
    metrics_.publish(state_);
  }

  idle_spin spin_;
  zmq::socket_t router_;
  const std::unique_ptr<zap_domain> guard_;         ///< null: links are not encrypted
  const std::shared_ptr<flight_recorder> recorder_; ///< null: nothing is kept
  end_monitor ends_;
  wake_up wake_;
  std::string address_;
  std::atomic<bool> is_draining_ = false, is_stopping_ = false;
  std::mutex mutex_, join_mutex_;
  std::condition_variable idle_;
  bool is_idle_ = false;                            // guarded by mutex_
  std::shared_ptr<const access_table> next_access_; // guarded by mutex_
  // Of the thread.
  const std::uint64_t incarnation_ = own_incarnation() ^ 0xB20CE2;
  broker_state state_;
  broker_metrics metrics_;
  clock::time_point drain_began_{};
  clock::time_point last_frame_{}, asked_{}, failures_said_{};
  int unsaid_failures_ = 0;
  clock::time_point now_ = clock::now(), probe_ = clock::time_point::max();
  std::vector<frame_to_send> out_, sending_;
  std::string scratch_;
  std::thread thread_;
};

} // namespace

std::unique_ptr<broker_node> start_broker(const broker_config& config, std::string& why) {
  const auto address = checked_address(config, why);
  if (address.empty()) return nullptr;
  try {
    auto made = std::make_unique<broker_node_impl>(address, config);
    log::info("broker.bound",
              {{"address", made->address()}, {"encrypted", !config.key.value.empty()}});
    return made;
  } catch (const std::exception& e) {
    why = "cannot bind '" + config.bind + "': " + e.what();
    return nullptr;
  }
}

} // namespace troupe
