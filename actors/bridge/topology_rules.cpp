#include "actors/bridge/topology_rules.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::topology_rules {
namespace {

/// Adds those that are not there yet.
void unite(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const auto& name : more)
    if (std::ranges::find(all, name) == all.end()) all.push_back(name);
}

void add(node_view& sum, const node_view& said) {
  if (sum.principal.empty()) sum.principal = said.principal;
  unite(sum.services, said.services);
  unite(sum.brokers, said.brokers);
  sum.draining = sum.draining || said.draining;
  sum.heard_ms = std::min(sum.heard_ms, said.heard_ms);
  sum.stuck_ms = std::max(sum.stuck_ms, said.stuck_ms);
  sum.credit += said.credit;
  sum.in_flight += said.in_flight;
  sum.asked += said.asked;
  sum.streams += said.streams;
}

void add(service_load& sum, const service_load& said) {
  sum.credit += said.credit;
  sum.in_flight += said.in_flight;
  sum.waiting.control += said.waiting.control;
  sum.waiting.interactive += said.waiting.interactive;
  sum.waiting.normal += said.waiting.normal;
  sum.waiting.batch += said.waiting.batch;
  sum.oldest_ms = std::max(sum.oldest_ms, said.oldest_ms);
  sum.requests += said.requests;
  sum.workers = std::max(sum.workers, said.workers);
}

template <class Key, class View>
void take(std::map<Key, View>& all, Key key, View&& said, std::size_t most, std::uint64_t& more) {
  if (const auto at = all.find(key); at != all.end()) return add(at->second, said);
  if (all.size() >= most) return void(++more);
  all.emplace(std::move(key), std::move(said));
}

template <class Key, class View>
std::vector<View> values(std::map<Key, View>& all) {
  std::vector<View> out;
  for (auto& [key, view] : all) out.push_back(std::move(view));
  return out;
}

/// A process is a worker at each broker that it is linked to.
void count_workers(std::vector<service_load>& services, const std::vector<node_view>& nodes) {
  for (auto& s : services) {
    const auto serves = [&](const node_view& n) {
      return std::ranges::count(n.services, s.name) > 0;
    };
    s.workers =
        std::max(s.workers, static_cast<std::uint64_t>(std::ranges::count_if(nodes, serves)));
  }
}

} // namespace

topology merged(std::vector<broker_report> reports, std::int64_t taken_at) {
  topology out;
  out.taken_at = taken_at;
  std::map<std::pair<std::string, std::string>, node_view> nodes;
  std::map<std::string, service_load> services;
  for (auto& r : reports) {
    for (auto& n : r.nodes)
      take(nodes, {n.name, n.instance}, std::move(n), view_nodes_max, out.more_nodes);
    for (auto& s : r.services)
      take(services, std::string(s.name), std::move(s), view_services_max, out.more_services);
    out.more_nodes = std::max(out.more_nodes, r.more_nodes);
    out.more_services = std::max(out.more_services, r.more_services);
    out.brokers.push_back(std::move(r.broker));
  }
  std::ranges::sort(out.brokers, {}, &broker_view::address);
  out.nodes = values(nodes);
  out.services = values(services);
  count_workers(out.services, out.nodes);
  return out;
}

} // namespace troupe::topology_rules
