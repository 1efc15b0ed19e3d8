#include "broker/link_metrics.hpp"

#include "broker/broker_view.hpp"
#include "broker/service_metrics.hpp"
#include "messages/base/metrics.hpp"

#include <memory>

namespace troupe::wire {
namespace {

using metrics::kind;
using metrics::metric;

using metric_ptr = std::unique_ptr<metric>;

metric_ptr dropped(const char* reason) {
  return std::make_unique<metric>(
      kind::counter, "troupe_broker_dropped_total",
      "Messages that nobody took, and requests that were shed, by reason",
      std::string("reason=\"") + reason + '"');
}

struct broker_series {
  std::array<metric_ptr, frame_types> frames;
  std::vector<metric_ptr> drops; ///< in the order of drops_of
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
  metric peers_draining{kind::gauge, "troupe_broker_peers_draining",
                        "Nodes linked to this broker that take no new work"};
  metric streams{kind::gauge, "troupe_broker_streams",
                 "Requests of which a part of the answer has passed, and not the end"};
  metric draining{kind::gauge, "troupe_broker_draining", "1 while this broker is leaving"};

  broker_series() {
    for (const auto& d : drops_of({})) drops.push_back(dropped(d.reason.c_str()));
    for (std::size_t n = 0; n < frame_types; ++n)
      if (n == 0 || to_string(static_cast<frame>(n)) != to_string(frame{}))
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
  metric links{kind::gauge, "troupe_bus_links", "Brokers that this node is linked to"};
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
  auto& all = series().frames;
  all[n < all.size() && all[n] ? n : 0]->add();
}

void broker_metrics::handshakes_failed(int count) noexcept {
  series().handshakes_failed.add(count);
}

void broker_metrics::publish(const broker_state& state) {
  auto& s = series();
  const auto now = state.counts();
  const auto drops = drops_of(now), before = drops_of(last_);
  for (std::size_t n = 0; n < drops.size(); ++n) rise(*s.drops[n], drops[n].count, before[n].count);
  rise(s.dead_letters, now.undeliverable, last_.undeliverable);
  rise(s.peers_lost, now.peers_lost, last_.peers_lost);
  rise(s.stuck, now.stuck, last_.stuck);
  rise(s.forbidden, now.forbidden, last_.forbidden);
  rise(s.resent, now.resent, last_.resent);
  last_ = now;
  s.in_flight.set(static_cast<std::int64_t>(state.in_flight()));
  s.queued.set(static_cast<std::int64_t>(state.queued()));
  s.peers.set(static_cast<std::int64_t>(state.peers()));
  s.peers_draining.set(static_cast<std::int64_t>(state.draining_peers()));
  s.streams.set(static_cast<std::int64_t>(state.streams()));
  s.draining.set(state.is_draining() ? 1 : 0);
  publish_services(state.service_loads());
}

void bus_metrics::publish(const node_state& state) noexcept {
  auto& s = bus_all();
  rise(s.dropped, state.dropped(), dropped_);
  dropped_ = state.dropped();
  s.asked.set(static_cast<std::int64_t>(state.asked()));
  s.served.set(static_cast<std::int64_t>(state.served()));
  s.links.set(static_cast<std::int64_t>(state.links()));
}

void bus_metrics::reconnect() noexcept {
  bus_all().reconnects.add();
}

} // namespace troupe::wire
