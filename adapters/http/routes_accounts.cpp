#include "adapters/http/json_route.hpp"

namespace troupe::http {

void add_account_routes(std::vector<route>& out) {
  const route lines[] = {
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/register", accounts, json, 201, register_request, true,
                        "Create an account and a session", "403 409 429"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/login", accounts, json, 200, login_request, true,
                        "Begin a session", "401 429"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/refresh", accounts, json, 200, refresh_request, true,
                        "Exchange a refresh token for a new pair of tokens", "401"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/logout", accounts, optional_json, 204, logout_request,
                        false, "End the session of the access token"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/verify", accounts, json, 200, verify_request, false,
                        "Say whether a token is active and whose it is"),
      TROUPE_HTTP_ROUTE("GET", "/v1/auth/me", accounts, none, 200, me_request, false,
                        "Show the caller's account"),
      TROUPE_HTTP_ROUTE("GET", "/v1/auth/keys", accounts, none, 200, list_keys_request, false,
                        "List the caller's API keys"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/keys", accounts, json, 201, create_key_request, false,
                        "Create an API key; it is shown this once"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/auth/keys/{id}", accounts, none, 200, revoke_key_request,
                        false, "Revoke an API key"),
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http
