#include "actors/bridge/offered_services.hpp"

#include <string_view>

namespace troupe {
namespace {

template <class Request>
bus_method method(std::string_view before) {
  return {std::string(before).append(method_traits<Request>::wire_name),
          method_traits<Request>::delivered == delivery::idempotent};
}

/// What an edge may ask a router for.
std::vector<bus_method> routed() {
  return {
#define TROUPE_ROW(service_, name_, request_, delta_, reply_, class_) \
  method<request_>(router_prefix),
      TROUPE_PUBLIC_METHODS(TROUPE_ROW)
#undef TROUPE_ROW
          method<ping_request>(router_prefix)};
}

std::vector<bus_method> methods_of(std::string_view service) {
  if (service == "router") return routed();
  std::vector<bus_method> out{method<ping_request>(std::string(service) + '.')};
#define TROUPE_ROW(service_, name_, request_, delta_, reply_, class_) \
  if (service == method_traits<request_>::service) out.push_back(method<request_>({}));
  TROUPE_METHODS(TROUPE_ROW)
#undef TROUPE_ROW
  return out;
}

} // namespace

std::vector<bus_service> offered_services(const served_services& served, std::uint32_t capacity) {
  std::vector<bus_service> out;
  const auto offer = [&](bool is_served, const char* name) {
    if (is_served) out.push_back({name, capacity, methods_of(name)});
  };
  offer(served.router != nullptr, "router");
  offer(served.auth != nullptr, "auth");
  offer(served.keys != nullptr, "keys");
  offer(served.accounts != nullptr, "accounts");
  offer(served.limits != nullptr, "limits");
  offer(served.prompt != nullptr, "prompt");
  offer(served.retrieval != nullptr, "retrieval");
  offer(served.log != nullptr, "log");
  return out;
}

} // namespace troupe
