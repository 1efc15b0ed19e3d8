#include "broker/zmq_bus.hpp"

#include "broker/link_metrics.hpp"
#include "broker/node_state.hpp"
#include "broker/zmq/socket.hpp"
#include "messages/base/log.hpp"

#include <pthread.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace troupe {
namespace {

namespace asio = boost::asio;
using namespace wire;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int rounds_a_turn = 256; ///< a frame each, before others of the loop have theirs
constexpr std::size_t waiting_bytes = 256u << 20; ///< requests' bodies on their way to the thread
constexpr std::size_t waiting_requests = 1u << 16;
constexpr milliseconds back_off_first{20}, back_off_most{1500}, connect_patience{2500};
constexpr milliseconds goodbye_patience{200};

std::uint64_t random_word() {
  std::random_device source;
  return (std::uint64_t{source()} << 32 | source()) | 1;
}

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

/// The connection of the moment: thrown away whole when it breaks.
struct connection {
  connection(asio::io_context& io, const std::string& address)
      : dealer(make_socket(zmq::socket_type::dealer, address)),
        ends(dealer),
        frames_watch(io, dealer),
        ends_watch(io, ends.socket()) {
    dealer.connect(address);
  }
  zmq::socket_t dealer;
  end_monitor ends;
  socket_watch frames_watch, ends_watch;
  bool is_up = false;
};

class zmq_bus_impl final : public bus {
public:
  zmq_bus_impl(bus_config config, bus_handlers handlers)
      : join_(std::move(config.join)),
        handlers_(std::move(handlers)),
        state_({std::move(config.node_name),
                config.incarnation != 0 ? config.incarnation : own_incarnation(), random_word(),
                std::move(config.roles), std::move(config.services)}),
        own_io_(config.loop != nullptr ? nullptr : std::make_unique<asio::io_context>(1)),
        io_(config.loop != nullptr ? *config.loop : *own_io_),
        timer_(io_),
        jitter_(random_word()) {
    asio::post(io_, [this] { turn(); });
    if (own_io_) thread_ = std::thread([this] { run_own_loop(); });
  }

  ~zmq_bus_impl() override { stop(); }

  void request(bus_request r) override {
    const auto size = r.body.size();
    std::unique_lock lock(mutex_);
    if (!r.delegated &&
        (waiting_bytes_ + size > waiting_bytes || commands_.size() > waiting_requests))
      return push(lock, refused{r.cid});
    waiting_bytes_ += size;
    push(lock, std::move(r));
  }
  void window(call_id cid, std::uint64_t acked, std::uint32_t frames,
              std::uint32_t bytes) override {
    post(bus_window{cid, acked, frames, bytes});
  }
  void cancel(call_id cid) override { post(bus_cancel{cid}); }
  void partial(call_id cid, std::uint64_t seq, std::string body) override {
    post(send_partial{cid, seq, std::move(body)});
  }
  void finish(call_id cid, std::string body) override { post(send_final{cid, std::move(body)}); }
  void fail(call_id cid, error why) override { post(send_failure{cid, std::move(why)}); }
  void release(call_id cid) override { post(give_back{cid}); }
  void drain() override { post(drain_started{}); }

  void stop() override {
    const std::lock_guard lock(stop_mutex_);
    if (std::exchange(is_stopped_, true)) return;
    std::promise<void> left;
    asio::post(io_, [this, &left] {
      leave();
      // Behind the handlers that the end has cancelled.
      asio::post(io_, [&left] { left.set_value(); });
    });
    left.get_future().wait();
    work_.reset();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] bool linked() const noexcept override { return is_linked_; }
  [[nodiscard]] bool broker_leaving() const noexcept override { return is_broker_leaving_; }

private:
  struct refused { ///< a request past the bounds of the queue
    call_id cid;
  };
  struct command {
    std::variant<node_input, refused> what;
  };

  template <class What>
  void post(What what) {
    std::unique_lock lock(mutex_);
    push(lock, std::move(what));
  }
  /// Releases the lock.
  template <class What>
  void push(std::unique_lock<std::mutex>& lock, What what) {
    if constexpr (std::is_same_v<What, refused>)
      commands_.push_back({std::move(what)});
    else
      commands_.push_back({node_input(std::move(what))});
    // Under the lock: what is posted before stop() posts its end runs before it.
    if (!std::exchange(is_woken_, true)) asio::post(io_, [this] { turn(); });
    lock.unlock();
  }

  void run_own_loop() {
    pthread_setname_np(pthread_self(), "bus");
    own_io_->run();
  }

  // Everything below runs on the loop's thread. An exception there means no memory or a bug, and
  // leaves a link that nobody serves: the process ends, and whoever supervises it starts it again.

  /// Does what there is to do. What it leads to (an actor that runs here and asks in turn) is done
  /// in the same turn.
  void turn() noexcept {
    if (is_leaving_) return;
    {
      const std::lock_guard lock(mutex_);
      is_woken_ = true;
    }
    is_empty_ = false;
    supervise();
    look_for_link();
    for (int round = 0; round < rounds_a_turn; ++round) {
      now_ = clock::now();
      const bool has_taken = take_commands();
      const bool has_received = take_frame();
      const bool is_due = now_ >= state_.due();
      if (is_due) {
        step(time_passed{});
        metrics_.publish(state_);
      }
      if (!has_taken && !has_received && !is_due) return sleep();
    }
    asio::post(io_, [this] { turn(); });
  }

  /// Until a command, a frame or the time.
  void sleep() {
    {
      const std::lock_guard lock(mutex_);
      is_woken_ = !commands_.empty();
      if (is_woken_) return void(asio::post(io_, [this] { turn(); }));
    }
    const auto when = std::min(state_.due(), retry_);
    if (armed_for_ <= when) return; // an earlier alarm looks again
    armed_for_ = when;
    timer_.expires_at(when);
    timer_.async_wait([this](boost::system::error_code failed) {
      if (failed) return;
      armed_for_ = clock::time_point::max();
      turn();
    });
  }

  void watch_frames() {
    link_->frames_watch.wait(
        [this, life = std::weak_ptr(link_)](boost::system::error_code failed) noexcept {
          if (failed || life.expired()) return;
          turn();
          // After it: the wait looks at once, and would find what the turn is there to take.
          if (!life.expired()) watch_frames();
        });
  }

  void watch_ends() {
    link_->ends_watch.wait(
        [this, life = std::weak_ptr(link_)](boost::system::error_code failed) noexcept {
          if (failed || life.expired()) return;
          if (link_->ends.take() == 0) return watch_ends();
          is_empty_ = false;
          while (take_frame()) {
          } // what arrived before the end
          if (!life.expired()) drop_link("the connection ended");
          turn();
        });
  }

  /// A socket with `immediate` takes messages only over a connection that has shaken hands.
  void look_for_link() {
    if (!link_ || link_->is_up || (link_->dealer.get(zmq::sockopt::events) & ZMQ_POLLOUT) == 0)
      return;
    link_->is_up = true;
    retry_ = clock::time_point::max();
    step(link_up{});
  }

  /// Makes a connection when there is none and its time has come; gives up one that does not come.
  void supervise() {
    now_ = clock::now();
    if (now_ < retry_) return;
    if (link_) return drop_link("no connection in time");
    if (join_.empty()) return void(retry_ = clock::time_point::max());
    const auto& address = join_[attempts_ % join_.size()];
    try {
      link_ = std::make_shared<connection>(io_, address);
      retry_ = now_ + connect_patience;
      watch_frames();
      watch_ends();
    } catch (const std::exception& e) {
      log::error("bus.connect", {{"address", address}, {"why", e.what()}});
      schedule_retry();
    }
  }

  /// Back-off with full jitter.
  void schedule_retry() {
    const auto most = std::min(back_off_most, back_off_first * (1 << std::min(attempts_, 8u)));
    ++attempts_;
    retry_ = now_ + milliseconds(5) +
             milliseconds(
                 std::uniform_int_distribution<int>(0, static_cast<int>(most.count()))(jitter_));
  }

  void drop_link(std::string_view why) {
    if (!link_) return;
    if (link_->is_up) log::warn("bus.link_lost", {{"why", why}});
    link_.reset();
    schedule_retry();
    bus_metrics::reconnect();
    step(link_down{});
  }

  bool take_commands() {
    {
      std::lock_guard lock(mutex_);
      if (commands_.empty()) return false;
      taken_.swap(commands_);
      waiting_bytes_ = 0;
    }
    for (auto& c : taken_) {
      if (const auto* r = std::get_if<refused>(&c.what))
        refuse(r->cid);
      else
        step(std::move(std::get<node_input>(c.what)));
    }
    taken_.clear();
    return true;
  }

  void refuse(const call_id& cid) {
    auto why = make_error(errc::overloaded, "too many requests wait for the bus");
    why.retry_after_ms = 1000;
    handlers_.answer(bus_failed{cid, std::move(why)});
  }

  /// Whether one came.
  bool take_frame() {
    if (is_empty_ || !link_ || !link_->is_up) return false;
    auto in = receive_frames(link_->dealer, false);
    is_empty_ = !in;
    if (!in) return false;
    auto header = in->is_whole ? decode({in->header.data<char>(), in->header.size()})
                               : troupe::fail(errc::invalid_argument, "frames");
    if (!header) {
      log::warn("bus.bad_frame", {{"why", header.error().message}});
      return true;
    }
    if (header->type == frame::goodbye) is_goodbye_said_ = true;
    step(broker_frame{std::move(*header), std::string(in->body.data<char>(), in->body.size())});
    return true;
  }

  void step(node_input in) {
    std::vector<node_output> out;
    out.swap(spare_);
    state_.step(now_, std::move(in), out);
    is_linked_ = state_.is_linked();
    is_broker_leaving_ = state_.is_broker_leaving();
    for (auto& o : out) std::visit([this](auto& what) { act(what); }, o);
    out.clear();
    spare_.swap(out);
  }

  void act(frame_to_broker& f) {
    if (!link_ || !link_->is_up) return;
    is_empty_ = false;
    if (send_frames(link_->dealer, nullptr, f.header, to_message(std::move(f.body)), scratch_) !=
        sent::ok)
      retry_ = now_; // the next turn drops the link and fails what was asked
  }
  void act(bus_answer& a) { handlers_.answer(std::move(a)); }
  void act(bus_work& w) { handlers_.work(std::move(w)); }
  void act(link_changed& l) {
    if (l.up) attempts_ = 0;
    if (handlers_.link) handlers_.link(l.up);
  }
  void act(relink& r) { drop_link(r.why); }

  /// GOODBYE comes back when the broker has everything that was sent before it. Holds the loop for
  /// that moment.
  void leave() noexcept {
    {
      const std::lock_guard lock(mutex_);
      is_woken_ = true; // for good: what comes later is not taken
    }
    take_commands();
    is_leaving_ = true;
    now_ = clock::now();
    is_goodbye_said_ = false;
    step(stop_asked{});
    const auto until_when = now_ + goodbye_patience;
    while (link_ && link_->is_up && !is_goodbye_said_ && clock::now() < until_when) {
      zmq::pollitem_t items[] = {{link_->dealer.handle(), 0, ZMQ_POLLIN, 0}};
      zmq_poll(items, 1, until(until_when).count());
      is_empty_ = false;
      while (take_frame()) {
      }
    }
    link_.reset();
    timer_.cancel();
    is_linked_ = false;
  }

  const std::vector<std::string> join_;
  const bus_handlers handlers_;
  std::atomic<bool> is_linked_ = false, is_broker_leaving_ = false;
  std::mutex mutex_, stop_mutex_;
  std::vector<command> commands_; // guarded by mutex_
  std::size_t waiting_bytes_ = 0; // guarded by mutex_
  bool is_woken_ = true;          // guarded by mutex_: a turn is on its way
  bool is_stopped_ = false;       // guarded by stop_mutex_
  // Of the loop's thread.
  std::vector<command> taken_;
  std::vector<node_output> spare_;
  std::string scratch_;
  node_state state_;
  bus_metrics metrics_;
  std::unique_ptr<asio::io_context> own_io_;
  asio::io_context& io_;
  asio::steady_timer timer_;
  clock::time_point armed_for_ = clock::time_point::max();
  std::shared_ptr<connection> link_;
  clock::time_point now_ = clock::now();
  clock::time_point retry_{}; ///< to connect, or to give a connection up
  unsigned attempts_ = 0;
  bool is_goodbye_said_ = false, is_leaving_ = false;
  /// The last act on the socket was a receive that found nothing. Only then may the loop wait for
  /// its descriptor: a send may swallow the signal.
  bool is_empty_ = false;
  std::minstd_rand jitter_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
      io_.get_executor()};
  std::thread thread_;
};

} // namespace

std::unique_ptr<bus> make_zmq_bus(bus_config config, bus_handlers handlers) {
  return std::make_unique<zmq_bus_impl>(std::move(config), std::move(handlers));
}

} // namespace troupe
