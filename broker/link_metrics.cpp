#include "broker/link_metrics.hpp"

#include "messages/base/metrics.hpp"

#include <memory>

namespace troupe::wire {
namespace {

using metrics::kind;
using metrics::metric;

using metric_ptr = std::unique_ptr<metric>;

metric_ptr dropped(const char* reason) {
  return std::make_unique<metric>(kind::counter, "troupe_broker_dropped_total",
                                  "Messages that nobody took, by reason",
                                  std::string("reason=\"") + reason + '"');
}

struct broker_series {
  std::array<metric_ptr, frame_types> frames;
  metric_ptr malformed = dropped("malformed"), gone = dropped("peer_gone"),
             full = dropped("high_water"), unknown_peer = dropped("unknown_peer"),
             unknown_call = dropped("unknown_call"), not_yours = dropped("not_yours"),
             barred = dropped("barred");
  metric dead_letters{kind::counter, "troupe_broker_dead_letters_total",
                      "Answers whose requester was gone"};
  metric stuck{kind::counter, "troupe_broker_peers_stuck_total",
               "Nodes that hung and lived: they got no new work until they went on."};
  metric peers_lost{kind::counter, "troupe_broker_peers_lost_total",
                    "Peers gone without a goodbye"};
  metric resent{kind::counter, "troupe_broker_resent_total", "Requests handed to a second worker"};
  metric handshakes_failed{kind::counter, "troupe_broker_handshakes_failed_total",
                           "Connections that ended before their first message"};
  metric forbidden{kind::counter, "troupe_broker_forbidden_total",
                   "What peers asked for and may not, by the allow-list"};
  metric in_flight{kind::gauge, "troupe_broker_in_flight", "Requests without an answer yet"};
  metric queued{kind::gauge, "troupe_broker_queued", "Requests that wait for a worker"};
  metric peers{kind::gauge, "troupe_broker_peers", "Nodes linked to this broker"};

  broker_series() {
    for (std::size_t n = 0; n <= static_cast<std::size_t>(frame::goodbye); ++n)
      frames[n] = std::make_unique<metric>(
          kind::counter, "troupe_broker_frames_total", "Messages taken, by type",
          "type=\"" + std::string(to_string(static_cast<frame>(n))) + '"');
  }
};

broker_series& series() {
  static broker_series all;
  return all;
}

struct bus_series {
  metric dropped{kind::counter, "troupe_bus_dropped_total",
                 "Frames and answers that nobody here waited for"};
  metric reconnects{kind::counter, "troupe_bus_reconnects_total",
                    "Connections to a broker that were made anew"};
  metric asked{kind::gauge, "troupe_bus_asked", "Requests of this node without an answer yet"};
  metric served{kind::gauge, "troupe_bus_served", "Requests that this node works on"};
};

bus_series& bus_all() {
  static bus_series all;
  return all;
}

void rise(metric& m, std::uint64_t now, std::uint64_t before) noexcept {
  m.add(static_cast<std::int64_t>(now - before));
}

} // namespace

void broker_metrics::taken(frame type) noexcept {
  const auto n = static_cast<std::size_t>(type);
  series().frames[n <= static_cast<std::size_t>(frame::goodbye) ? n : 0]->add();
}

void broker_metrics::malformed() noexcept {
  series().malformed->add();
}

void broker_metrics::handshakes_failed(int count) noexcept {
  series().handshakes_failed.add(count);
}

void broker_metrics::unsent(bool is_gone) noexcept {
  (is_gone ? series().gone : series().full)->add();
}

void broker_metrics::publish(const broker_state& state) noexcept {
  auto& s = series();
  const auto now = state.counts();
  rise(*s.malformed, now.malformed, last_.malformed);
  rise(*s.unknown_peer, now.unknown_peer, last_.unknown_peer);
  rise(*s.unknown_call, now.unknown_call, last_.unknown_call);
  rise(*s.not_yours, now.not_yours, last_.not_yours);
  rise(s.dead_letters, now.undeliverable, last_.undeliverable);
  rise(s.peers_lost, now.peers_lost, last_.peers_lost);
  rise(s.stuck, now.stuck, last_.stuck);
  rise(*s.barred, now.barred, last_.barred);
  rise(s.forbidden, now.forbidden, last_.forbidden);
  rise(s.resent, now.resent, last_.resent);
  last_ = now;
  s.in_flight.set(static_cast<std::int64_t>(state.in_flight()));
  s.queued.set(static_cast<std::int64_t>(state.queued()));
  s.peers.set(static_cast<std::int64_t>(state.peers()));
}

void bus_metrics::publish(const node_state& state) noexcept {
  auto& s = bus_all();
  rise(s.dropped, state.dropped(), dropped_);
  dropped_ = state.dropped();
  s.asked.set(static_cast<std::int64_t>(state.asked()));
  s.served.set(static_cast<std::int64_t>(state.served()));
}

void bus_metrics::reconnect() noexcept {
  bus_all().reconnects.add();
}

} // namespace troupe::wire
