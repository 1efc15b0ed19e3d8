#include "adapters/http/json_route.hpp"

namespace troupe::http {

// Clients keep the key set for ten minutes, and look again for a key that they do not know.
void show_jwks(http_call& in) {
  in.edge.gates.accounts->ask(std::move(in.context), jwks_request{},
                              reply<json_reply>([to = in.to](result<json_reply> set) {
                                if (!set) return to->fail(std::move(set.error()));
                                to->answer({.status = 200,
                                            .body = std::move(set->body.raw),
                                            .extra = "Cache-Control: public, max-age=600\r\n"});
                              }));
}

void add_account_routes(std::vector<route>& out) {
  const route lines[] = {
      {.method = "GET",
       .pattern = "/.well-known/jwks.json",
       .run = &show_jwks,
       .gate = gate_kind::accounts,
       .is_public = true,
       .request_type = {},
       .reply_type = "jwks_answer",
       .summary = "Show the public keys that access tokens are signed with"},
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/register", accounts, json, 201, register_request, true,
                        "Create an account and a session", "403 409 429"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/login", accounts, json, 200, login_request, true,
                        "Begin a session", "401 403 429"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/refresh", accounts, json, 200, refresh_request, true,
                        "Exchange a refresh token for a new pair of tokens", "401 403"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/logout", accounts, optional_json, 204, logout_request,
                        false, "End the session of the access token, all others, or all"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/verify", accounts, json, 200, verify_request, false,
                        "Say whether a token is active and whose it is"),
      TROUPE_HTTP_ROUTE("GET", "/v1/auth/me", accounts, none, 200, me_request, false,
                        "Show the caller's account"),
      TROUPE_HTTP_ROUTE("PATCH", "/v1/auth/me", accounts, json, 200, update_me_request, false,
                        "Change the caller's account; a new password ends all other sessions",
                        "409 429"),
      TROUPE_HTTP_ROUTE("GET", "/v1/auth/sessions", accounts, none, 200, list_sessions_request,
                        false, "List the caller's sessions"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/auth/sessions/{id}", accounts, none, 200,
                        revoke_session_request, false, "End one of the caller's sessions"),
      TROUPE_HTTP_ROUTE("GET", "/v1/auth/keys", accounts, none, 200, list_keys_request, false,
                        "List the caller's API keys"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/keys", accounts, json, 201, create_key_request, false,
                        "Create an API key; it is shown this once"),
      TROUPE_HTTP_ROUTE("PATCH", "/v1/auth/keys/{id}", accounts, json, 200, update_key_request,
                        false, "Change an API key's name, scopes or end"),
      TROUPE_HTTP_ROUTE("POST", "/v1/auth/keys/{id}/rotate", accounts, optional_json, 201,
                        rotate_key_request, false,
                        "Create a key in the place of this one, which works on for a while", "409"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/auth/keys/{id}", accounts, none, 200, revoke_key_request,
                        false, "Revoke an API key"),
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

void add_admin_routes(std::vector<route>& out) {
  const route lines[] = {
      TROUPE_HTTP_ROUTE("GET", "/v1/admin/users", accounts, none, 200, list_users_request, false,
                        "List the users"),
      TROUPE_HTTP_ROUTE("POST", "/v1/admin/users", accounts, json, 201, create_user_request, false,
                        "Create a user", "409 429"),
      TROUPE_HTTP_ROUTE("POST", "/v1/admin/users/import", accounts, json, 200, import_users_request,
                        false, "Take over rows of another program's users table", "429"),
      TROUPE_HTTP_ROUTE("GET", "/v1/admin/users/{id}", accounts, none, 200, get_user_request, false,
                        "Show a user"),
      TROUPE_HTTP_ROUTE(
          "PATCH", "/v1/admin/users/{id}", accounts, json, 200, update_user_request, false,
          "Change or ban a user; a new password, role or ban ends the user's sessions", "409 429"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/admin/users/{id}", accounts, none, 200, delete_user_request,
                        false, "Delete a user with all that the user owns", "409"),
      TROUPE_HTTP_ROUTE("POST", "/v1/admin/users/{id}/logout", accounts, none, 204,
                        end_sessions_request, false, "End all sessions of a user"),
      TROUPE_HTTP_ROUTE("GET", "/v1/admin/signing-keys", accounts, none, 200,
                        list_signing_keys_request, false, "List the keys that verify tokens"),
      TROUPE_HTTP_ROUTE(
          "POST", "/v1/admin/signing-keys/rotate", accounts, none, 201, rotate_signing_key_request,
          false, "Sign tokens with a new key; the old one verifies until they expire", "409"),
      TROUPE_HTTP_ROUTE("GET", "/v1/admin/caps/{subject}", accounts, none, 200, get_caps_request,
                        false, "Show what user:ID, key:ID or org:ID may use at most"),
      TROUPE_HTTP_ROUTE("PUT", "/v1/admin/caps/{subject}", accounts, json, 200, put_caps_request,
                        false, "Set what user:ID, key:ID or org:ID may use at most"),
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

void add_organization_routes(std::vector<route>& out) {
  const route lines[] = {
      TROUPE_HTTP_ROUTE("GET", "/v1/organizations", accounts, none, 200, list_organizations_request,
                        false, "List the caller's organizations"),
      TROUPE_HTTP_ROUTE("POST", "/v1/organizations", accounts, json, 201,
                        create_organization_request, false,
                        "Create an organization; the caller becomes its owner"),
      TROUPE_HTTP_ROUTE("GET", "/v1/organizations/{id}", accounts, none, 200,
                        get_organization_request, false, "Show an organization"),
      TROUPE_HTTP_ROUTE("PATCH", "/v1/organizations/{id}", accounts, json, 200,
                        update_organization_request, false, "Rename an organization"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/organizations/{id}", accounts, none, 200,
                        delete_organization_request, false, "Delete an organization"),
      TROUPE_HTTP_ROUTE("GET", "/v1/organizations/{id}/members", accounts, none, 200,
                        list_members_request, false, "List the members"),
      TROUPE_HTTP_ROUTE("PUT", "/v1/organizations/{id}/members/{user_id}", accounts, json, 204,
                        put_member_request, false, "Add a member or change its role", "409"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/organizations/{id}/members/{user_id}", accounts, none, 200,
                        remove_member_request, false, "Remove a member, or leave", "409"),
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http
