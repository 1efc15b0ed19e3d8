#include "broker/zmq_bus.hpp"

#include "broker/broker_list.hpp"
#include "broker/link_metrics.hpp"
#include "broker/node_state.hpp"
#include "broker/zmq/address.hpp"
#include "broker/zmq/broker_link.hpp"
#include "broker/zmq/resolver.hpp"
#include "messages/base/log.hpp"

#include <pthread.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <unordered_map>
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
constexpr milliseconds goodbye_patience{200};
/// Parts of answers that follow others sooner than this wait for it, and travel together: each that
/// goes alone wakes five threads on its way.
constexpr std::chrono::microseconds parts_linger{1000};

std::uint64_t random_word() {
  std::random_device source;
  return (std::uint64_t{source()} << 32 | source()) | 1;
}

class zmq_bus_impl final : public bus {
public:
  zmq_bus_impl(bus_config config, bus_handlers handlers)
      : handlers_(std::move(handlers)),
        stuck_(std::move(config.stuck)),
        state_({std::move(config.node_name),
                config.incarnation != 0 ? config.incarnation : own_incarnation(), random_word(),
                std::move(config.roles), std::move(config.services)}),
        own_io_(config.loop != nullptr ? nullptr : std::make_unique<asio::io_context>(1)),
        io_(config.loop != nullptr ? *config.loop : *own_io_),
        timer_(io_),
        keys_{std::move(config.key), std::move(config.broker_keys)} {
    asio::post(io_, [this] { turn(); });
    if (own_io_) thread_ = std::thread([this] { run_own_loop(); });
    // A broker's own address may be that of the whole machine.
    for (auto& address : config.join) address = reachable(address);
    names_.emplace(std::move(config.join), [this](std::vector<std::string> found) {
      asio::post(io_, [this, found = std::move(found)] { take_resolved(found); });
    });
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
  void stats(milliseconds patience, reply<std::vector<bus_stats>> answer) override {
    std::unique_lock lock(mutex_);
    push(lock, question{patience, std::move(answer)});
  }
  void partial(call_id cid, std::uint64_t seq, std::string body) override {
    post(send_partial{cid, seq, std::move(body)});
  }
  void finish(call_id cid, std::string body) override { post(send_final{cid, std::move(body)}); }
  void fail(call_id cid, error why) override { post(send_failure{cid, std::move(why)}); }
  void drain() override { post(drain_started{}); }

  void stop() override {
    const std::lock_guard lock(stop_mutex_);
    if (std::exchange(is_stopped_, true)) return;
    names_.reset();
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
  struct question { ///< how the brokers stand
    milliseconds patience;
    reply<std::vector<bus_stats>> answer;
  };
  struct command {
    std::variant<node_input, refused, question> what;
  };
  enum class waking { none, at_leisure, at_once }; ///< of a turn that is on its way

  template <class What>
  void post(What what) {
    std::unique_lock lock(mutex_);
    push(lock, std::move(what));
  }
  /// Releases the lock.
  template <class What>
  void push(std::unique_lock<std::mutex>& lock, What what) {
    if constexpr (std::is_same_v<What, refused> || std::is_same_v<What, question>)
      commands_.push_back({std::move(what)});
    else
      commands_.push_back({node_input(std::move(what))});
    constexpr bool may_linger = std::is_same_v<What, send_partial>;
    constexpr auto wanted = may_linger ? waking::at_leisure : waking::at_once;
    // Under the lock: what is posted before stop() posts its end runs before it.
    if (woken_ < wanted) {
      woken_ = wanted;
      asio::post(io_, [this] { may_linger ? turn_at_leisure() : turn(); });
    }
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
      woken_ = waking::at_once;
    }
    supervise();
    for (int round = 0; round < rounds_a_turn; ++round) {
      now_ = clock::now();
      const bool has_taken = take_commands();
      const bool has_received = take_frames();
      const bool is_due = now_ >= state_.due();
      if (is_due) {
        if (stuck_) step(pulse_taken{stuck_()});
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
      if (!commands_.empty()) return void(asio::post(io_, [this] { turn(); }));
      woken_ = waking::none;
    }
    auto when = state_.due();
    for (const auto& l : links_) when = std::min(when, l->due());
    wake_up_at(when);
  }

  /// Parts of answers are all there is to do.
  void turn_at_leisure() noexcept {
    if (is_leaving_) return;
    const auto when = parts_sent_ + parts_linger;
    clock::now() < when ? wake_up_at(when) : turn();
  }

  void wake_up_at(clock::time_point when) {
    if (armed_for_ <= when) return; // an earlier alarm looks again
    armed_for_ = when;
    timer_.expires_at(when);
    timer_.async_wait([this](boost::system::error_code failed) {
      if (failed) return;
      armed_for_ = clock::time_point::max();
      turn();
    });
  }

  void supervise() {
    now_ = clock::now();
    for (auto& l : links_) {
      l->look_again();
      l->supervise(now_);
      if (!l->comes_up()) continue;
      brokers_.linked(l->address(), true);
      step(link_up{l->id(), l->address()});
    }
  }

  void link_dropped(const broker_link& link) {
    brokers_.linked(link.address(), false);
    step(link_down{link.id()});
  }

  // Which brokers there are.

  void take_resolved(std::vector<std::string> found) {
    const auto is_local = [](const auto& a) { return is_loopback(split_address(a).host); };
    is_local_ = std::ranges::any_of(found, is_local);
    if (keys_.own.value.empty()) // names of other machines are for encrypted links
      std::erase_if(found, [&](const auto& address) {
        if (is_local(address)) return false;
        log::warn("bus.not_encrypted", {{"address", address}});
        return true;
      });
    brokers_.resolved(found);
    look_for_brokers();
  }

  void look_for_brokers() {
    if (is_leaving_) return;
    now_ = clock::now();
    brokers_.prune(now_);
    const auto all = brokers_.all();
    std::erase_if(links_,
                  [&](const auto& l) { return std::ranges::find(all, l->address()) == all.end(); });
    for (const auto& address : all)
      if (std::ranges::find(links_, address, &broker_link::address) == links_.end())
        links_.push_back(std::make_unique<broker_link>(io_, ++last_link_, address, random_word(),
                                                       link_listener_, keys_));
    turn();
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
      else if (auto* q = std::get_if<question>(&c.what))
        ask_stats(*q);
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

  void ask_stats(question& q) {
    questions_.emplace(++last_question_, std::move(q.answer));
    step(stats_asked{last_question_, q.patience});
  }

  /// One of each link. Whether any came.
  bool take_frames() {
    bool has_any = false;
    for (std::size_t n = 0; n < links_.size(); ++n) has_any |= take_frame(*links_[n]);
    return has_any;
  }

  bool take_frame(broker_link& link) {
    auto in = link.receive();
    if (!in) return false;
    auto header = in->is_whole ? decode({in->header.data<char>(), in->header.size()})
                               : troupe::fail(errc::invalid_argument, "frames");
    if (!header) {
      log::warn("bus.bad_frame", {{"why", header.error().message}});
      return true;
    }
    if (header->type == frame::goodbye) ++goodbyes_;
    step(broker_frame{link.id(), std::move(*header),
                      std::string(in->body.data<char>(), in->body.size())});
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
    if (f.header.type == frame::partial) parts_sent_ = now_;
    if (auto* l = link_of(f.over)) l->send(now_, f.header, std::move(f.body), scratch_);
  }
  void act(bus_answer& a) { handlers_.answer(std::move(a)); }
  void act(bus_work& w) { handlers_.work(std::move(w)); }
  void act(link_changed& l) {
    if (handlers_.link) handlers_.link(l.up);
  }
  void act(link_confirmed& l) {
    if (auto* link = link_of(l.link)) link->confirmed();
  }
  void act(relink& r) {
    if (auto* link = link_of(r.link)) link->drop(now_, r.why);
  }
  void act(brokers_heard& b) {
    std::erase_if(b.addresses, [this](const auto& a) {
      return !may_follow(split_address(a).host, !keys_.own.value.empty(), is_local_);
    });
    brokers_.heard(now_, b.addresses);
    if (!is_leaving_) asio::post(io_, [this] { look_for_brokers(); });
  }

  /// Those that this node cannot even link to are named as well.
  void act(stats_heard& s) {
    const auto at = questions_.find(s.number);
    for (const auto& address : brokers_.all())
      if (std::ranges::find(s.answers, address, &bus_stats::broker) == s.answers.end())
        s.answers.push_back({address, {}, make_error(errc::unavailable, "not linked to it")});
    at->second(std::move(s.answers));
    questions_.erase(at);
  }

  broker_link* link_of(link_id id) {
    const auto at = std::ranges::find(links_, id, &broker_link::id);
    return at == links_.end() ? nullptr : at->get();
  }

  /// GOODBYE comes back when a broker has everything that was sent before it. Holds the loop for
  /// that moment.
  void leave() noexcept {
    {
      const std::lock_guard lock(mutex_);
      woken_ = waking::at_once; // for good: what comes later is not taken
    }
    take_commands();
    is_leaving_ = true;
    now_ = clock::now();
    goodbyes_ = 0;
    step(stop_asked{});
    const auto until_when = now_ + goodbye_patience;
    while (clock::now() < until_when) {
      std::vector<zmq::pollitem_t> items;
      for (auto& l : links_)
        if (l->is_up()) items.push_back({l->socket_handle(), 0, ZMQ_POLLIN, 0});
      if (goodbyes_ >= items.size()) break;
      zmq_poll(items.data(), static_cast<int>(items.size()), until(until_when).count());
      for (auto& l : links_) l->look_again();
      while (take_frames()) {
      }
    }
    links_.clear();
    timer_.cancel();
    is_linked_ = false;
  }

  const bus_handlers handlers_;
  const std::function<milliseconds()> stuck_;
  std::atomic<bool> is_linked_ = false, is_broker_leaving_ = false;
  std::mutex mutex_, stop_mutex_;
  std::vector<command> commands_;  // guarded by mutex_
  std::size_t waiting_bytes_ = 0;  // guarded by mutex_
  waking woken_ = waking::at_once; // guarded by mutex_
  bool is_stopped_ = false;        // guarded by stop_mutex_
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
  clock::time_point parts_sent_{}; ///< the last ones
  broker_list brokers_;
  bool is_local_ = false; ///< settings or DNS lead to a broker on loopback
  const broker_link::keys keys_;
  const broker_link::listener link_listener_{[this] { turn(); },
                                             [this](broker_link& l) { link_dropped(l); }};
  std::vector<std::unique_ptr<broker_link>> links_;
  link_id last_link_ = 0;
  clock::time_point now_ = clock::now();
  std::size_t goodbyes_ = 0;
  std::unordered_map<std::uint64_t, reply<std::vector<bus_stats>>> questions_; ///< open ones
  std::uint64_t last_question_ = 0;
  bool is_leaving_ = false;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
      io_.get_executor()};
  std::thread thread_;
  std::optional<resolver> names_; ///< the last: it posts to the loop
};

} // namespace

std::unique_ptr<bus> make_zmq_bus(bus_config config, bus_handlers handlers) {
  return std::make_unique<zmq_bus_impl>(std::move(config), std::move(handlers));
}

} // namespace troupe
