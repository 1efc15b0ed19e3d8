#include "tests/sim/world.hpp"

#include "broker/flight_recorder.hpp"
#include "tests/sim/application.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;
using wire::broker_input;
using wire::broker_state;
using wire::node_input;
using wire::node_output;
using wire::node_state;

/// So that a recording has its beginning.
constexpr std::uint32_t long_flight = 1u << 18, long_bodies = 8u << 20;
constexpr auto calm = 15s; // longer than any deadline, any silence and any back-off

/// One TCP connection between a node and a broker.
struct connection {
  std::string name;
  std::size_t broker = 0;
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
};

/// One direction between a node and a broker. Behind a partition everything waits, as TCP makes it
/// wait.
struct way {
  int walls = 0;
  std::vector<std::function<void()>> behind;
};

struct node : process {
  part plays = part::edge;
  std::optional<node_state> state;
  std::unique_ptr<application> app;
  std::vector<connection_ptr> links; // by broker
  std::vector<way> up, down;         // by broker
};

struct broker : process {
  std::optional<broker_state> state;
  std::unique_ptr<wire::flight_recorder> recorder; // null: nobody wants to know
  bool is_draining = false;
  std::map<std::string, std::size_t> peers; // connection -> node
};

class world {
public:
  world(const plan& what, const mutation& how, const watchers& who)
      : plan_(what),
        how_(how),
        trace_(who.trace),
        flight_(who.flight),
        flight_records_(who.flight_records == 0 ? long_flight : who.flight_records),
        time_(what.seed) {}

  outcome run();

private:
  // processes
  void start(node& n);
  void start(broker& b);
  void kill(node& n);
  void kill(broker& b);
  void land(broker& b);
  void freeze(process& p, microseconds length);
  void enter(process& p, std::function<void()> work);

  // the network
  void connect(node& n, std::size_t to);
  void reconnect(node& n, std::size_t to, microseconds most);
  void close(node& n, std::size_t to, bool tells_node);
  void reach(way& over, process& to, const connection_ptr& in, instant& last,
             std::function<void()> work);
  void repeat(way& over, process& to, const connection_ptr& in, instant& last,
              std::function<void()> work);
  void block(way& w, microseconds length);
  void part_some();

  // state machines
  void feed(node& n, node_input in);
  void feed(broker& b, broker_input in);
  void act(node& n, node_output& out);
  void act(node& n, wire::frame_to_broker& f);
  void deliver(broker& from, node& n, const connection_ptr& over, wire::frame_to_send f);
  void arm(node& n);
  void arm(broker& b);

  void ask();
  void trouble();
  void gentle_trouble();
  void drain(broker& b);
  void drain(node& n);
  void check_calm();
  template <class What>
  void say(What what); ///< its text is made only for a trace
  std::string name_of(const node& n) const;
  node& any() { return nodes_[time_.pick(nodes_.size())]; }
  broker& any_broker() { return brokers_[time_.pick(brokers_.size())]; }
  [[nodiscard]] std::size_t index_of(const broker& b) const {
    return static_cast<std::size_t>(&b - brokers_.data());
  }

  const plan plan_;
  const mutation& how_;
  const std::function<void(const std::string&)>& trace_;
  const std::function<void(std::span<const std::byte>)>& flight_;
  const std::uint32_t flight_records_;
  clock time_;
  history record_;
  std::vector<node> nodes_;
  std::vector<broker> brokers_;
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
  for (auto* ways : {&n.up, &n.down})
    for (auto& w : *ways) w.behind.clear();
  n.app = std::make_unique<application>(
      n.plays, n.incarnation, application::manners{plan_.faults.is_gentle, plan_.is_declared},
      time_, record_, [this, &n](auto in) {
        enter(n, [this, &n, in = std::move(in)]() mutable { feed(n, std::move(in)); });
      });
  wire::node_bounds bounds;
  bounds.window_frames = application::first_credit * 2 / 3;
  n.state.emplace(n.app->identity(plan_.capacity), bounds);
  say([&] { return name_of(n) + " starts"; });
  for (std::size_t b = 0; b < brokers_.size(); ++b) reconnect(n, b, 20ms);
}

void world::start(broker& b) {
  b.is_alive = true;
  ++b.life;
  b.waiting.clear();
  b.is_draining = false;
  b.peers.clear();
  b.incarnation = ++incarnations_;
  b.state.emplace(b.incarnation);
  if (flight_) {
    b.recorder = std::make_unique<wire::flight_recorder>(flight_records_, long_bodies);
    b.recorder->describe("broker", {}, b.incarnation);
  }
  say([&] { return "broker " + std::to_string(b.incarnation) + " starts"; });
}

void world::kill(node& n) {
  if (!n.is_alive) return;
  ++out_.kills;
  say([&] { return name_of(n) + " is killed"; });
  n.app->die();
  n.is_alive = n.is_frozen = false;
  ++n.life;
  for (std::size_t b = 0; b < brokers_.size(); ++b) close(n, b, false);
  time_.in(time_.between(50ms, 2s), [this, &n] { start(n); });
}

void world::kill(broker& b) {
  if (!b.is_alive) return;
  ++out_.kills;
  say([&] { return "broker " + std::to_string(b.incarnation) + " is killed"; });
  b.is_alive = b.is_frozen = false;
  ++b.life;
  land(b);
  for (auto& n : nodes_) close(n, index_of(b), true);
  time_.in(time_.between(50ms, 2s), [this, &b] { start(b); });
}

void world::land(broker& b) {
  if (flight_ && b.recorder) flight_(b.recorder->image());
  b.recorder.reset();
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

void world::enter(process& p, std::function<void()> work) {
  if (!p.is_alive) return;
  if (!p.is_frozen) return work();
  p.waiting.push_back([&p, life = p.life, work = std::move(work)] {
    if (p.life == life) work();
  });
}

// the network

void world::block(way& w, microseconds length) {
  ++w.walls;
  time_.in(length, [&w] {
    if (--w.walls > 0) return;
    for (auto& work : std::exchange(w.behind, {})) work();
  });
}

/// A process and all others, or a pair; one direction or both.
void world::part_some() {
  ++out_.cuts;
  const auto length = time_.between(10ms, 6s);
  // Gently: no node from all brokers.
  const auto kind = plan_.faults.is_gentle ? 2 * time_.pick(2) : time_.pick(3);
  const auto directions = time_.pick(4);
  auto& n = any();
  auto& b = any_broker();
  say([&] {
    return (kind == 0   ? "broker " + std::to_string(b.incarnation)
            : kind == 1 ? name_of(n)
                        : name_of(n) + " and broker " + std::to_string(b.incarnation)) +
           " cut off, " + std::to_string(directions) + ", for " +
           std::to_string(length.count() / 1000) + " ms";
  });
  for (auto& some : nodes_)
    for (std::size_t i = 0; i < brokers_.size(); ++i) {
      const bool is_meant = (kind == 0 || &some == &n) && (kind == 1 || i == index_of(b));
      if (is_meant && directions != 1) block(some.up[i], length);
      if (is_meant && directions != 2) block(some.down[i], length);
    }
}

void world::connect(node& n, std::size_t to) {
  auto& b = brokers_[to];
  if (!n.is_alive || n.links[to]) return;
  if (!b.is_alive || b.is_frozen || n.is_frozen || n.up[to].walls > 0 || n.down[to].walls > 0)
    return reconnect(n, to, 500ms);
  auto link = std::make_shared<connection>();
  link->name = "c" + std::to_string(++connections_);
  link->broker = to;
  b.peers[link->name] = static_cast<std::size_t>(&n - nodes_.data());
  n.links[to] = std::move(link);
  feed(n, wire::link_up{static_cast<wire::link_id>(to + 1), {}});
}

void world::reconnect(node& n, std::size_t to, microseconds most) {
  time_.in(5ms + time_.between(0ms, most), [this, &n, to, life = n.life] {
    if (n.life == life) connect(n, to);
  });
}

/// The connection ends; what is on its way is lost. The broker hears of it.
void world::close(node& n, std::size_t to, bool tells_node) {
  const auto link = std::exchange(n.links[to], {});
  if (!link) return;
  link->is_open = false;
  auto& b = brokers_[to];
  auto hear = [this, &b, name = link->name, life = b.life] {
    if (b.life != life) return;
    b.peers.erase(name);
    enter(b, [this, &b] { feed(b, wire::link_dropped{}); });
  };
  if (n.up[to].walls > 0)
    n.up[to].behind.push_back(hear);
  else
    time_.in(time_.between(100us, 3ms), hear);
  if (!tells_node) return;
  time_.in(time_.between(100us, 3ms), [this, &n, to, life = n.life] {
    if (n.life != life || n.links[to]) return;
    enter(n, [this, &n, to] {
      if (!n.links[to]) feed(n, wire::link_down{static_cast<wire::link_id>(to + 1)});
    });
    reconnect(n, to, 200ms);
  });
}

/// One message over a connection, in order, into a process.
void world::reach(way& over, process& to, const connection_ptr& in, instant& last,
                  std::function<void()> work) {
  ++out_.frames;
  if (!is_calm_ && time_.happens(plan_.faults.loss)) {
    ++out_.losses;
    return say([&] { return std::string("a message is lost"); });
  }
  last = std::max(last + 1us, time_.now() + time_.between(30us, plan_.hop));
  auto arrive = [this, &to, in, life = to.life, work = std::move(work)] {
    if (in->is_open && to.life == life) enter(to, work);
  };
  time_.at(last, [&over, arrive = std::move(arrive)]() mutable {
    over.walls > 0 ? over.behind.push_back(std::move(arrive)) : arrive();
  });
}

/// As a peer does that is broken or means harm: at once, or when all is long over.
void world::repeat(way& over, process& to, const connection_ptr& in, instant& last,
                   std::function<void()> work) {
  ++out_.repeats;
  time_.in(time_.happens(0.5) ? time_.between(0ms, 10ms) : time_.between(10ms, 8s),
           [this, &over, &to, in, &last, work = std::move(work)] {
             if (in->is_open) reach(over, to, in, last, work);
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
    act(n, *f);
  } else if (auto* answer = std::get_if<bus_answer>(&out)) {
    n.app->take(*answer);
  } else if (auto* work = std::get_if<bus_work>(&out)) {
    n.app->take(*work);
  } else if (auto* r = std::get_if<wire::relink>(&out)) {
    say([&] { return name_of(n) + " gives a link up: " + r->why; });
    close(n, r->link - 1, false);
    reconnect(n, r->link - 1, 200ms);
  }
}

void world::act(node& n, wire::frame_to_broker& f) {
  const auto link = n.links[f.over - 1];
  if (!link || (how_.node_sends && !how_.node_sends(f))) return;
  auto& b = brokers_[link->broker];
  say([&] {
    return name_of(n) + " sends " + std::string(to_string(f.header.type)) + ' ' +
           sim::name_of(f.header.cid) + " to broker " + std::to_string(b.incarnation);
  });
  auto header = wire::decode(wire::encode(f.header));
  if (!header) return record_.wrong(f.header.cid, "a header that cannot be read");
  auto body = wire::make_body(std::move(f.body));
  const auto arrive = [this, &b, link, header = std::move(*header), body] {
    wire::frame_received heard{link->name, header, body};
    if (!how_.broker_hears || how_.broker_hears(heard)) feed(b, std::move(heard));
  };
  reach(n.up[link->broker], b, link, link->last_up, arrive);
  if (!is_calm_ && time_.happens(plan_.faults.repeat))
    repeat(n.up[link->broker], b, link, link->last_up, arrive);
}

void world::feed(broker& b, broker_input in) {
  std::vector<wire::frame_to_send> out, sending;
  const auto step = [&](broker_input what) {
    if (b.recorder) b.recorder->took(time_.now(), what);
    b.state->step(time_.now(), std::move(what), out);
  };
  step(std::move(in));
  while (!out.empty()) {
    sending.swap(out);
    for (auto& f : sending) {
      if (b.recorder) b.recorder->sent(time_.now(), f);
      const auto at = b.peers.find(f.to);
      if (at == b.peers.end()) {
        step(wire::peer_gone{f.to});
        continue;
      }
      if (how_.broker_sends && !how_.broker_sends(f)) continue;
      auto& n = nodes_[at->second];
      const auto link = n.links[index_of(b)];
      if (link && link->name == f.to) deliver(b, n, link, std::move(f));
    }
    sending.clear();
  }
  arm(b);
}

void world::deliver(broker& from, node& n, const connection_ptr& over, wire::frame_to_send f) {
  say([&] {
    return "broker " + std::to_string(from.incarnation) + " sends " +
           std::string(to_string(f.header.type)) + ' ' + sim::name_of(f.header.cid) + " to " +
           name_of(n);
  });
  auto header = wire::decode(wire::encode(f.header));
  if (!header) return record_.wrong(f.header.cid, "a header that cannot be read");
  wire::broker_frame heard{static_cast<wire::link_id>(over->broker + 1), std::move(*header),
                           std::string(wire::bytes_of(f.body))};
  const auto arrive = [this, &n, over, heard = std::move(heard)] {
    // A node reads nothing more from a socket that it closed.
    if (over->is_open) feed(n, heard);
  };
  auto& down = n.down[over->broker];
  reach(down, n, over, over->last_down, arrive);
  if (!is_calm_ && time_.happens(plan_.faults.repeat))
    repeat(down, n, over, over->last_down, arrive);
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

void world::arm(broker& b) {
  if (how_.is_broker_without_clock) return;
  time_.at(b.state->due(), [this, &b, life = b.life] {
    if (b.life != life) return;
    enter(b, [this, &b] {
      if (time_.now() >= b.state->due()) feed(b, wire::time_passed{});
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
  if (plan_.faults.is_gentle) return gentle_trouble();
  const auto& f = plan_.faults;
  const auto per_tick = [](double in_ten_seconds) { return in_ten_seconds / 100; };
  if (time_.happens(per_tick(f.kill))) time_.happens(0.3) ? kill(any_broker()) : kill(any());
  if (time_.happens(per_tick(f.freeze)))
    freeze(time_.happens(0.3) ? static_cast<process&>(any_broker()) : any(),
           time_.between(10ms, 6s));
  if (time_.happens(per_tick(f.cut))) close(any(), time_.pick(brokers_.size()), true);
  if (time_.happens(per_tick(f.partition))) part_some();
  if (time_.happens(per_tick(f.drain))) drain(any());
  time_.in(100ms, [this] { trouble(); });
}

/// What may harm nobody when there is another broker. The next comes when all is whole again.
void world::gentle_trouble() {
  time_.in(time_.between(100ms, 700ms), [this] { trouble(); });
  const bool is_whole = std::ranges::all_of(brokers_, [&](const broker& b) {
    return b.is_alive && !b.is_draining && b.state->peers() == nodes_.size();
  });
  const auto is_open = [](const way& w) { return w.walls == 0; };
  const bool is_open_everywhere = std::ranges::all_of(nodes_, [&](const node& n) {
    return std::ranges::all_of(n.up, is_open) && std::ranges::all_of(n.down, is_open);
  });
  if (!is_whole || !is_open_everywhere) return;
  switch (time_.pick(4)) {
    case 0:
      return kill(any_broker());
    case 1:
      return drain(any_broker());
    case 2:
      return close(any(), time_.pick(brokers_.size()), true);
    default:
      return part_some();
  }
}

/// Told to end, it takes nothing new; and dies before all that it has is done.
void world::drain(node& n) {
  if (!n.is_alive || n.is_frozen) return;
  say([&] { return name_of(n) + " drains"; });
  feed(n, wire::drain_started{});
  time_.in(time_.between(50ms, 3s), [this, &n, life = n.life] {
    if (n.life == life) kill(n);
  });
}

/// Told to end, it serves on until nothing is in flight; or does not live to see that.
void world::drain(broker& b) {
  say([&] { return "broker " + std::to_string(b.incarnation) + " drains"; });
  b.is_draining = true;
  feed(b, wire::drain_started{});
  time_.in(time_.between(50ms, 1s), [this, &b, life = b.life] {
    if (b.life != life) return;
    feed(b, wire::broker_stopping{});
    time_.in(5ms, [this, &b, life] {
      if (b.life == life) kill(b);
    });
  });
}

/// All is linked and idle, and every slot that was ever taken is free.
void world::check_calm() {
  for (const auto& b : brokers_) {
    if (b.state->in_flight() != 0)
      record_.wrong({}, std::to_string(b.state->in_flight()) + " calls stayed at a broker");
    if (b.state->peers() != nodes_.size())
      record_.wrong({}, "a broker has " + std::to_string(b.state->peers()) + " peers");
  }
  for (const auto& n : nodes_) {
    if (!n.state->is_linked()) record_.wrong({}, name_of(n) + " is not linked");
    if (n.state->asked() != 0 || n.state->served() != 0)
      record_.wrong({}, name_of(n) + " still counts calls");
  }
  const auto slots = plan_.capacity * static_cast<std::size_t>(plan_.workers);
  // Each broker has its share, and a request more or less.
  const auto expected = slots - (brokers_.size() - 1);
  const auto begun = record_.begun(), finished = record_.finished();
  for (std::size_t i = 0; i < slots; ++i) nodes_.front().app->ask_to_hold();
  time_.run_until(time_.now() + 1s);
  if (record_.begun() - begun < expected)
    record_.wrong({}, "of " + std::to_string(slots) + " slots only " +
                          std::to_string(record_.begun() - begun) + " were free");
  time_.run_until(time_.now() + calm);
  if (record_.finished() == finished) record_.wrong({}, "the calm cluster answers nobody");
}

outcome world::run() {
  const std::array counts{plan_.edges, plan_.routers, plan_.workers};
  nodes_ = std::vector<node>(static_cast<std::size_t>(plan_.edges + plan_.routers + plan_.workers));
  std::size_t made = 0;
  for (std::size_t plays = 0; plays < counts.size(); ++plays)
    for (int i = 0; i < counts[plays]; ++i) nodes_[made++].plays = static_cast<part>(plays);
  brokers_ = std::vector<broker>(static_cast<std::size_t>(plan_.brokers));
  for (auto& b : brokers_) start(b);
  for (auto& n : nodes_) {
    n.links.resize(brokers_.size());
    n.up.resize(brokers_.size());
    n.down.resize(brokers_.size());
  }
  for (auto& n : nodes_) start(n);
  time_.in(100ms, [this] { ask(); });
  time_.in(500ms, [this] { trouble(); });
  const auto begin = time_.now();
  time_.run_until(begin + plan_.trouble);
  is_calm_ = true;
  say([&] { return std::string("calm"); });
  time_.run_until(begin + plan_.trouble + calm);
  check_calm();
  for (auto& b : brokers_) land(b);
  out_.wrongs = record_.verdict(plan_.faults.is_gentle);
  out_.asked = record_.size();
  out_.finished = record_.finished();
  return out_;
}

} // namespace

plan plan_of(std::uint64_t seed) {
  plan what;
  what.seed = seed;
  what.brokers = seed % 4 == 0 ? 1 : seed % 4 == 1 || seed % 8 == 3 ? 3 : 2;
  if (seed % 3 == 0) what.hop = std::chrono::milliseconds(40);
  what.faults.is_gentle = seed % 4 == 3;
  if (what.faults.is_gentle) what.faults.loss = 0;
  what.is_declared = what.faults.is_gentle || seed % 5 != 0;
  return what;
}

outcome run(const plan& what, const mutation& how, const watchers& who) {
  return world(what, how, who).run();
}

} // namespace troupe::sim
