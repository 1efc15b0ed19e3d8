#include "tests/sim/world.hpp"

#include "tests/sim/application.hpp"

#include <array>
#include <map>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using wire::broker_input;
using wire::broker_state;
using wire::node_input;
using wire::node_output;
using wire::node_state;

constexpr auto calm = 15s; // longer than any deadline, any silence and any back-off

/// One TCP connection between a node and the broker.
struct connection {
  std::string name;
  bool is_open = true;
  instant last_up{}, last_down{}; // of what is on its way, so that it stays in order
};
using connection_ptr = std::shared_ptr<connection>;

/// What a process that is frozen finds when it wakes up.
struct process {
  bool is_alive = true, is_frozen = false;
  std::uint64_t life = 0; // rises with each restart
  std::uint64_t incarnation = 0;
  std::deque<std::function<void()>> waiting;
  bool is_cut_off = false; // behind a partition
  std::vector<std::function<void()>> behind;
};

struct node : process {
  part plays = part::edge;
  std::optional<node_state> state;
  std::unique_ptr<application> app;
  connection_ptr link;
};

struct broker : process {
  std::optional<broker_state> state;
  std::map<std::string, std::size_t> peers; // connection -> node
};

class world {
public:
  world(const plan& what, const mutation& how, const std::function<void(const std::string&)>& trace)
      : plan_(what), how_(how), trace_(trace), time_(what.seed) {}

  outcome run();

private:
  // processes
  void start(node& n);
  void start_broker();
  void kill(node& n);
  void kill_broker();
  void freeze(process& p, microseconds length);
  void cut_off(process& p, microseconds length);
  void enter(process& p, std::function<void()> work);

  // the network
  void connect(node& n);
  void reconnect(node& n, microseconds most);
  void close(node& n, bool tells_node);
  void reach(process& from, process& to, const connection_ptr& over, instant& last,
             std::function<void()> work);

  // state machines
  void feed(node& n, node_input in);
  void feed_broker(broker_input in);
  void act(node& n, node_output& out);
  void deliver(node& n, const connection_ptr& over, wire::frame_to_send f);
  void arm(node& n);
  void arm_broker();

  void ask();
  void trouble();
  void check_calm();
  template <class What>
  void say(What what); ///< its text is made only for a trace
  std::string name_of(const node& n) const;
  node& any() { return nodes_[time_.pick(nodes_.size())]; }

  const plan plan_;
  const mutation& how_;
  const std::function<void(const std::string&)>& trace_;
  clock time_;
  history record_;
  std::vector<node> nodes_;
  broker broker_;
  std::uint64_t incarnations_ = 100, connections_ = 0;
  bool is_calm_ = false;
  outcome out_;
};

template <class What>
void world::say(What what) {
  if (!trace_) return;
  const auto ms = std::chrono::duration<double, std::milli>(time_.now().time_since_epoch() - 1h);
  trace_(std::to_string(ms.count()) + " ms  " + what());
}

std::string world::name_of(const node& n) const {
  constexpr std::array names{"edge", "router", "worker"};
  return names[static_cast<std::size_t>(n.plays)] + std::string(" ") +
         std::to_string(n.incarnation);
}

// processes

void world::start(node& n) {
  n.is_alive = true;
  ++n.life;
  n.incarnation = ++incarnations_;
  n.waiting.clear();
  n.behind.clear();
  n.app =
      std::make_unique<application>(n.plays, n.incarnation, time_, record_, [this, &n](auto in) {
        enter(n, [this, &n, in = std::move(in)]() mutable { feed(n, std::move(in)); });
      });
  n.state.emplace(n.app->identity(plan_.capacity));
  say([&] { return name_of(n) + " starts"; });
  reconnect(n, 20ms);
}

void world::start_broker() {
  broker_.is_alive = true;
  ++broker_.life;
  broker_.waiting.clear();
  broker_.behind.clear();
  broker_.peers.clear();
  broker_.incarnation = ++incarnations_;
  broker_.state.emplace(broker_.incarnation);
  say([&] { return "broker " + std::to_string(broker_.incarnation) + " starts"; });
}

void world::kill(node& n) {
  if (!n.is_alive) return;
  ++out_.kills;
  say([&] { return name_of(n) + " is killed"; });
  n.app->die();
  n.is_alive = n.is_frozen = false;
  ++n.life;
  close(n, false);
  time_.in(time_.between(50ms, 2s), [this, &n] { start(n); });
}

void world::kill_broker() {
  if (!broker_.is_alive) return;
  ++out_.kills;
  say([&] { return std::string("the broker is killed"); });
  broker_.is_alive = broker_.is_frozen = false;
  ++broker_.life;
  for (auto& n : nodes_) close(n, true);
  time_.in(time_.between(50ms, 2s), [this] { start_broker(); });
}

void world::freeze(process& p, microseconds length) {
  if (!p.is_alive || p.is_frozen) return;
  ++out_.freezes;
  say([&] { return std::to_string(p.incarnation) + " freezes"; });
  p.is_frozen = true;
  time_.in(length, [this, &p, life = p.life] {
    if (p.life != life || !p.is_frozen) return;
    say([&] { return std::to_string(p.incarnation) + " thaws"; });
    p.is_frozen = false;
    record_.thawed(p.incarnation, time_.now());
    while (!p.waiting.empty() && !p.is_frozen && p.life == life) {
      auto work = std::move(p.waiting.front());
      p.waiting.pop_front();
      work();
    }
  });
}

/// Everything to and from it waits, as TCP makes it wait.
void world::cut_off(process& p, microseconds length) {
  if (p.is_cut_off) return;
  ++out_.cuts;
  p.is_cut_off = true;
  say([&] { return std::to_string(p.incarnation) + " is cut off"; });
  time_.in(length, [this, &p] {
    say([&] { return std::to_string(p.incarnation) + " is reached again"; });
    p.is_cut_off = false;
    for (auto& work : std::exchange(p.behind, {})) work();
  });
}

void world::enter(process& p, std::function<void()> work) {
  if (!p.is_alive) return;
  if (!p.is_frozen) return work();
  p.waiting.push_back([&p, life = p.life, work = std::move(work)] {
    if (p.life == life) work();
  });
}

// the network

void world::connect(node& n) {
  if (!n.is_alive || n.link) return;
  if (!broker_.is_alive || broker_.is_frozen || broker_.is_cut_off || n.is_cut_off || n.is_frozen)
    return reconnect(n, 500ms);
  n.link = std::make_shared<connection>();
  n.link->name = "c" + std::to_string(++connections_);
  broker_.peers[n.link->name] = static_cast<std::size_t>(&n - nodes_.data());
  feed(n, wire::link_up{});
}

void world::reconnect(node& n, microseconds most) {
  time_.in(5ms + time_.between(0ms, most), [this, &n, life = n.life] {
    if (n.life == life) connect(n);
  });
}

/// The connection ends; what is on its way is lost. The broker hears of it.
void world::close(node& n, bool tells_node) {
  const auto link = std::exchange(n.link, {});
  if (!link) return;
  link->is_open = false;
  auto hear = [this, name = link->name, life = broker_.life] {
    if (broker_.life != life) return;
    broker_.peers.erase(name);
    enter(broker_, [this] { feed_broker(wire::link_dropped{}); });
  };
  if (broker_.is_cut_off || n.is_cut_off)
    (broker_.is_cut_off ? broker_.behind : n.behind).push_back(hear);
  else
    time_.in(time_.between(100us, 3ms), hear);
  if (!tells_node) return;
  time_.in(time_.between(100us, 3ms), [this, &n, life = n.life] {
    if (n.life != life || n.link) return;
    enter(n, [this, &n] { feed(n, wire::link_down{}); });
    reconnect(n, 200ms);
  });
}

/// One message over a connection, in order, into a process.
void world::reach(process& from, process& to, const connection_ptr& over, instant& last,
                  std::function<void()> work) {
  ++out_.frames;
  if (!is_calm_ && time_.happens(plan_.faults.loss)) {
    ++out_.losses;
    return say([&] { return std::string("a message is lost"); });
  }
  last = std::max(last + 1us, time_.now() + time_.between(30us, 2ms));
  auto arrive = [this, &to, over, life = to.life, work = std::move(work)] {
    if (over->is_open && to.life == life) enter(to, work);
  };
  time_.at(last, [&from, &to, arrive = std::move(arrive)]() mutable {
    auto* wall = from.is_cut_off ? &from : to.is_cut_off ? &to : nullptr;
    if (wall == nullptr) return arrive();
    wall->behind.push_back(std::move(arrive));
  });
}

// the state machines

void world::feed(node& n, node_input in) {
  std::vector<node_output> out;
  n.state->step(time_.now(), std::move(in), out);
  const auto life = n.life;
  for (auto& o : out)
    if (n.life == life) act(n, o);
  arm(n);
}

void world::act(node& n, node_output& out) {
  if (auto* f = std::get_if<wire::frame_to_broker>(&out)) {
    if (!n.link || (how_.node_sends && !how_.node_sends(*f))) return;
    say([&] {
      return name_of(n) + " sends " + std::string(to_string(f->header.type)) + ' ' +
             sim::name_of(f->header.cid);
    });
    auto header = wire::decode(wire::encode(f->header));
    if (!header) return record_.wrong(f->header.cid, "a header that cannot be read");
    auto body = wire::make_body(std::move(f->body));
    const auto link = n.link;
    reach(n, broker_, link, link->last_up, [this, link, header = std::move(*header), body] {
      wire::frame_received heard{link->name, header, body};
      if (!how_.broker_hears || how_.broker_hears(heard)) feed_broker(std::move(heard));
    });
  } else if (auto* answer = std::get_if<bus_answer>(&out)) {
    n.app->take(*answer);
  } else if (auto* work = std::get_if<bus_work>(&out)) {
    n.app->take(*work);
  } else if (std::holds_alternative<wire::relink>(out)) {
    say([&] { return name_of(n) + " gives its link up: " + std::get<wire::relink>(out).why; });
    close(n, false);
    reconnect(n, 200ms);
  }
}

void world::feed_broker(broker_input in) {
  std::vector<wire::frame_to_send> out, sending;
  broker_.state->step(time_.now(), std::move(in), out);
  while (!out.empty()) {
    sending.swap(out);
    for (auto& f : sending) {
      const auto at = broker_.peers.find(f.to);
      if (at == broker_.peers.end()) {
        broker_.state->step(time_.now(), wire::peer_gone{f.to}, out);
        continue;
      }
      if (how_.broker_sends && !how_.broker_sends(f)) continue;
      auto& n = nodes_[at->second];
      if (n.link && n.link->name == f.to) deliver(n, n.link, std::move(f));
    }
    sending.clear();
  }
  arm_broker();
}

void world::deliver(node& n, const connection_ptr& over, wire::frame_to_send f) {
  say([&] {
    return "broker sends " + std::string(to_string(f.header.type)) + ' ' +
           sim::name_of(f.header.cid) + " to " + name_of(n);
  });
  auto header = wire::decode(wire::encode(f.header));
  if (!header) return record_.wrong(f.header.cid, "a header that cannot be read");
  wire::broker_frame heard{std::move(*header), std::string(wire::bytes_of(f.body))};
  reach(broker_, n, over, over->last_down, [this, &n, over, heard = std::move(heard)] {
    // A node reads nothing more from a socket that it closed.
    if (over->is_open) feed(n, heard);
  });
}

void world::arm(node& n) {
  const auto due = n.state->due();
  if (due == instant::max() || how_.is_node_without_clock) return;
  time_.at(due, [this, &n, life = n.life] {
    if (n.life != life) return;
    enter(n, [this, &n] {
      if (time_.now() >= n.state->due()) feed(n, wire::time_passed{});
    });
  });
}

void world::arm_broker() {
  if (how_.is_broker_without_clock) return;
  time_.at(broker_.state->due(), [this, life = broker_.life] {
    if (broker_.life != life) return;
    enter(broker_, [this] {
      if (time_.now() >= broker_.state->due()) feed_broker(wire::time_passed{});
    });
  });
}

// the course of things

void world::ask() {
  auto& edge = nodes_[time_.pick(static_cast<std::uint64_t>(plan_.edges))]; // they come first
  if (edge.is_alive && !edge.is_frozen) edge.app->ask();
  if (is_calm_) return;
  const microseconds longest(static_cast<std::int64_t>(2e6 / plan_.requests));
  time_.in(time_.between(0us, longest), [this] { ask(); });
}

void world::trouble() {
  if (is_calm_) return;
  const auto& f = plan_.faults;
  const auto per_tick = [](double in_ten_seconds) { return in_ten_seconds / 100; };
  if (time_.happens(per_tick(f.kill))) time_.happens(0.3) ? kill_broker() : kill(any());
  if (time_.happens(per_tick(f.freeze)))
    freeze(time_.happens(0.3) ? static_cast<process&>(broker_) : any(), time_.between(10ms, 6s));
  if (time_.happens(per_tick(f.cut))) close(any(), true);
  if (time_.happens(per_tick(f.partition)))
    cut_off(time_.happens(0.3) ? static_cast<process&>(broker_) : any(), time_.between(10ms, 6s));
  time_.in(100ms, [this] { trouble(); });
}

/// All is linked and idle, and every slot that was ever taken is free.
void world::check_calm() {
  if (broker_.state->in_flight() != 0)
    record_.wrong({}, std::to_string(broker_.state->in_flight()) + " calls stayed at the broker");
  for (const auto& n : nodes_) {
    if (!n.state->is_linked()) record_.wrong({}, name_of(n) + " is not linked");
    if (n.state->asked() != 0 || n.state->served() != 0)
      record_.wrong({}, name_of(n) + " still counts calls");
  }
  const auto slots = plan_.capacity * static_cast<std::size_t>(plan_.workers);
  const auto begun = record_.begun(), finished = record_.finished();
  for (std::size_t i = 0; i < slots; ++i) nodes_.front().app->ask_to_hold();
  time_.run_until(time_.now() + 1s);
  if (record_.begun() - begun < slots)
    record_.wrong({}, "of " + std::to_string(slots) + " slots only " +
                          std::to_string(record_.begun() - begun) + " were free");
  time_.run_until(time_.now() + calm);
  if (record_.finished() == finished) record_.wrong({}, "the calm cluster answers nobody");
}

outcome world::run() {
  const std::array counts{plan_.edges, plan_.routers, plan_.workers};
  nodes_.reserve(static_cast<std::size_t>(plan_.edges + plan_.routers + plan_.workers));
  for (std::size_t plays = 0; plays < counts.size(); ++plays)
    for (int i = 0; i < counts[plays]; ++i) nodes_.emplace_back().plays = static_cast<part>(plays);
  start_broker();
  for (auto& n : nodes_) start(n);
  time_.in(100ms, [this] { ask(); });
  time_.in(500ms, [this] { trouble(); });
  const auto begin = time_.now();
  time_.run_until(begin + plan_.trouble);
  is_calm_ = true;
  say([&] { return std::string("calm"); });
  time_.run_until(begin + plan_.trouble + calm);
  check_calm();
  out_.wrongs = record_.verdict();
  out_.asked = record_.size();
  out_.finished = record_.finished();
  return out_;
}

} // namespace

outcome run(const plan& what, const mutation& how,
            const std::function<void(const std::string&)>& trace) {
  return world(what, how, trace).run();
}

} // namespace troupe::sim
