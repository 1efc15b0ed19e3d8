#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// How the whole stands at one moment: processes, brokers, services. Counts are of now unless they
/// say that they only rise.
namespace troupe {

/// `instance` of a process, from the incarnation that its call ids begin with.
[[nodiscard]] std::string instance_text(std::uint64_t incarnation);

/// For admins only.
struct topology_request {
  bool operator==(const topology_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(topology_request, (), ())

struct reason_count {
  std::string reason;
  std::uint64_t count = 0; ///< since the process began; only rises
  bool operator==(const reason_count&) const = default;
};
BOOST_DESCRIBE_STRUCT(reason_count, (), (reason, count))

/// Requests that wait, by priority.
struct waiting_counts {
  std::uint64_t control = 0;
  std::uint64_t interactive = 0;
  std::uint64_t normal = 0;
  std::uint64_t batch = 0;
  bool operator==(const waiting_counts&) const = default;
};
BOOST_DESCRIBE_STRUCT(waiting_counts, (), (control, interactive, normal, batch))

/// A service as the brokers see it; in one process as its actors are.
struct service_load {
  std::string name;
  std::uint64_t workers = 0; ///< nodes that serve it
  std::uint64_t credit = 0;  ///< requests that they take at once; 0 in one process: as many as come
  std::uint64_t in_flight = 0; ///< requests in their hands
  waiting_counts waiting;
  std::uint64_t oldest_ms = 0; ///< for how long the first of them has waited
  std::uint64_t requests = 0;  ///< that came, since the process began to count; only rises
  bool operator==(const service_load&) const = default;
};
BOOST_DESCRIBE_STRUCT(service_load, (),
                      (name, workers, credit, in_flight, waiting, oldest_ms, requests))

/// A process, with what all brokers say of it added up.
struct node_view {
  std::string name;      ///< its roles, `auth` or `edge+router`, or what a client called itself
  std::string instance;  ///< 16 hexadecimal digits, another one after each start
  std::string principal; ///< whose key it has; empty where links are not encrypted
  std::vector<std::string> roles;    ///< at most 16
  std::vector<std::string> services; ///< that it serves
  std::vector<std::string> brokers;  ///< addresses of those that it is linked to
  bool draining = false;             ///< takes no new work
  std::uint64_t heard_ms = 0;        ///< since it was last heard
  std::uint64_t stuck_ms = 0;        ///< for how long something in it has not been run
  std::uint64_t credit = 0;          ///< requests that it takes at once, of all its services
  std::uint64_t in_flight = 0;       ///< requests in its hands: the credit that is used
  std::uint64_t asked = 0;           ///< its own requests without an answer yet
  std::uint64_t streams = 0;         ///< in its hands, and begun
  bool operator==(const node_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(node_view, (),
                      (name, instance, principal, roles, services, brokers, draining, heard_ms,
                       stuck_ms, credit, in_flight, asked, streams))

struct broker_view {
  std::string address;
  std::string name;     ///< its process's roles
  std::string instance; ///< as of a node
  bool answered = false;
  std::string detail; ///< why it did not answer; then nothing below is known
  bool draining = false;
  std::uint64_t uptime_ms = 0;
  std::uint64_t nodes = 0; ///< linked to it
  std::uint64_t in_flight = 0;
  std::uint64_t waiting = 0;
  std::uint64_t streams = 0;
  std::uint64_t requests = 0;     ///< that came since it began; only rises
  std::uint64_t dead_letters = 0; ///< answers that nobody could take; only rises
  std::vector<reason_count> dropped;
  bool operator==(const broker_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(broker_view, (),
                      (address, name, instance, answered, detail, draining, uptime_ms, nodes,
                       in_flight, waiting, streams, requests, dead_letters, dropped))

inline constexpr std::size_t view_nodes_max = 1000;
inline constexpr std::size_t view_services_max = 256;

/// What one broker says of itself and of all that it sees; what is past the bounds above is only
/// counted.
struct broker_report {
  broker_view broker;
  std::vector<node_view> nodes;
  std::vector<service_load> services;
  std::uint64_t more_nodes = 0;
  std::uint64_t more_services = 0;
  bool operator==(const broker_report&) const = default;
};
BOOST_DESCRIBE_STRUCT(broker_report, (), (broker, nodes, services, more_nodes, more_services))

/// The whole, within the same bounds. Without brokers it is the one process, which is its only
/// node.
struct topology {
  std::string object = "topology";
  std::int64_t taken_at = 0; ///< Unix seconds
  std::vector<broker_view> brokers;
  std::vector<node_view> nodes;       ///< by name, then instance
  std::vector<service_load> services; ///< by name
  std::uint64_t more_nodes = 0;       ///< that are not shown
  std::uint64_t more_services = 0;
  bool operator==(const topology&) const = default;
};
BOOST_DESCRIBE_STRUCT(topology, (),
                      (object, taken_at, brokers, nodes, services, more_nodes, more_services))

} // namespace troupe
