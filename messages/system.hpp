#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <vector>

/// Messages that are not one service's own.
namespace troupe {

/// Is the service able to do its work now? It answers after asking its stores.
struct ping_request {
  std::string
      service; ///< which: `auth`, `prompt`, `retrieval`, `log`; empty asks all (router only)
  bool operator==(const ping_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(ping_request, (), (service))

struct service_status {
  std::string service;
  bool ready = false;
  std::string detail; ///< why not
  bool operator==(const service_status&) const = default;
};
BOOST_DESCRIBE_STRUCT(service_status, (), (service, ready, detail))

struct ping_reply {
  bool ready = false;
  std::vector<service_status> services;
  bool operator==(const ping_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(ping_reply, (), (ready, services))

/// How many objects a purge deleted: files and vector stores, conversations, or log records. What
/// a purge before it deleted is not counted again.
struct purge_reply {
  std::uint64_t deleted = 0;
  bool operator==(const purge_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(purge_reply, (), (deleted))

} // namespace troupe
