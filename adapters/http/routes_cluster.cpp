#include "adapters/http/json_route.hpp"

namespace troupe::http {

void add_cluster_routes(std::vector<route>& out) {
  out.push_back(TROUPE_HTTP_ROUTE("GET", "/v1/admin/topology", cluster, none, 200, topology_request,
                                  false, "Show the processes, brokers and services as they stand"));
}

} // namespace troupe::http
