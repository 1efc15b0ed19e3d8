#include "broker/broker_view.hpp"

#include "messages/codec/msgpack.hpp"

#include <algorithm>
#include <tuple>

/// The part of the broker that shows how it stands.
namespace troupe::wire {
namespace {

constexpr std::size_t roles_shown = 16, services_shown = 64; ///< of one node
/// Many may ask, and a view of a full broker takes milliseconds (34 with 200,000 calls in flight,
/// in bench/micro): they share one, the longer the more calls it walks over.
constexpr std::chrono::milliseconds view_age{200};
constexpr std::size_t calls_a_millisecond = 100;

std::chrono::milliseconds age_with(std::size_t calls) {
  return view_age + std::chrono::milliseconds(calls / calls_a_millisecond);
}

std::uint64_t since(instant then, instant now) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now - then).count());
}

waiting_counts counts_of(const std::array<std::size_t, 4>& by_priority) {
  return {by_priority[0], by_priority[1], by_priority[2], by_priority[3]};
}

} // namespace

std::vector<reason_count> drops_of(const broker_counts& counts) {
  return {{"barred", counts.barred},
          {"deadline_exceeded", counts.deadline_exceeded},
          {"high_water", counts.unsent_full},
          {"malformed", counts.malformed},
          {"not_yours", counts.not_yours},
          {"overloaded", counts.overloaded},
          {"peer_gone", counts.unsent_gone},
          {"rate_limited", counts.rate_limited},
          {"repeated", counts.repeated},
          {"stale", counts.stale},
          {"unknown_call", counts.unknown_call},
          {"unknown_peer", counts.unknown_peer}};
}

std::string shown(std::string_view said, std::size_t bytes_max) {
  std::string out(said.substr(0, bytes_max));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return out;
}

broker_view broker_state::own_view() const {
  broker_view out;
  out.address = address_;
  out.name = name_;
  out.instance = instance_text(incarnation_);
  out.answered = true;
  out.draining = is_draining_;
  out.uptime_ms = since(began_, now_);
  out.nodes = peers_.size();
  out.in_flight = calls_.size();
  out.waiting = queued_;
  out.streams = streams_;
  out.requests = counts_.requests;
  out.dead_letters = counts_.undeliverable;
  out.dropped = drops_of(counts_);
  return out;
}

std::vector<service_load> broker_state::service_loads() const {
  std::vector<service_load> out;
  out.reserve(services_.size());
  for (const auto& [name, s] : services_) {
    service_load l;
    l.name = shown(name);
    l.workers = s.workers.all().size();
    for (const auto& [id, w] : s.workers.all()) {
      l.credit += w.capacity;
      l.in_flight += w.busy;
    }
    l.waiting = counts_of(s.queue.by_priority());
    l.requests = s.requests;
    l.oldest_ms = since(now_ - s.queue.age(now_), now_);
    out.push_back(std::move(l));
  }
  return out;
}

node_view broker_state::view_of(const peer& p) const {
  node_view out;
  out.name = shown(p.who.name);
  out.instance = instance_text(p.who.incarnation);
  if (p.rule != nullptr) out.principal = p.rule->principal;
  for (const auto& role : p.who.roles)
    if (out.roles.size() < roles_shown) out.roles.push_back(shown(role));
  out.brokers = {address_};
  out.draining = p.is_draining;
  out.heard_ms = since(p.seen, now_);
  out.stuck_ms = p.stuck_ms;
  for (const auto& [name, s] : services_) {
    const auto* w = s.workers.find(p.id);
    if (w == nullptr) continue;
    if (out.services.size() < services_shown) out.services.push_back(shown(name));
    out.credit += w->capacity;
    out.in_flight += w->busy;
  }
  return out;
}

broker_report broker_state::view() const {
  struct row {
    node_view shows;
    const peer_id* id;
  };
  std::vector<row> rows;
  rows.reserve(peers_.size());
  for (const auto& [id, p] : peers_) rows.push_back({view_of(p), &id});
  std::ranges::sort(rows, {},
                    [](const row& r) { return std::tie(r.shows.name, r.shows.instance); });
  broker_report out;
  out.broker = own_view();
  if (rows.size() > view_nodes_max) out.more_nodes = rows.size() - view_nodes_max;
  rows.resize(rows.size() - out.more_nodes);
  std::unordered_map<std::string_view, node_view*> by_id;
  for (auto& r : rows) by_id.emplace(*r.id, &r.shows);
  for (const auto& [cid, c] : calls_) {
    if (const auto at = by_id.find(c.requester); at != by_id.end()) ++at->second->asked;
    if (const auto at = by_id.find(c.worker); at != by_id.end() && c.has_partial)
      ++at->second->streams;
  }
  for (auto& r : rows) out.nodes.push_back(std::move(r.shows));
  out.services = service_loads();
  if (out.services.size() > view_services_max) {
    out.more_services = out.services.size() - view_services_max;
    out.services.resize(view_services_max);
  }
  return out;
}

/// A router asks for admins; others whom the allow-list lets call `stats`.
void broker_state::take_stats(peer& from, const envelope& header) {
  if (!from.is_router)
    if (auto why = forbidden(from, broker_right::call, stats_name))
      return send_error(from.id, header.cid, std::move(*why));
  if (!view_body_ || now_ - viewed_ >= age_with(calls_.size())) {
    view_body_ = make_body(msgpack_codec::encode(view()));
    viewed_ = now_;
  }
  send(from.id, frame::stats, header.cid, view_body_);
}

} // namespace troupe::wire
