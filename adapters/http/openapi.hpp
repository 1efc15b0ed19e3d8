#pragma once

#include "adapters/http/route_table.hpp"

#include <string>

namespace troupe::http {

/// The OpenAPI 3.1 document of the routes; the schemas are those of the described messages.
[[nodiscard]] std::string openapi_document(const std::vector<route>& routes,
                                           const std::string& version);

} // namespace troupe::http
