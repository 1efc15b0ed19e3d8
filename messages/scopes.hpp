#pragma once

#include "messages/method_list.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// What a caller may do, in words. A caller without scopes may all that its role allows.
namespace troupe {

inline constexpr std::array<std::string_view, 7> scopes{
    "chat", "documents:read", "documents:write", "logs:read", "logs:write", "account", "admin"};
inline constexpr std::string_view scope_words =
    "chat, documents:read, documents:write, logs:read, logs:write, account, admin";

[[nodiscard]] constexpr bool is_scope(std::string_view word) noexcept {
  return std::ranges::find(scopes, word) != scopes.end();
}

/// Requests that need no credential.
template <class Request>
inline constexpr bool is_public =
    std::is_same_v<Request, register_request> || std::is_same_v<Request, login_request> ||
    std::is_same_v<Request, refresh_request> || std::is_same_v<Request, jwks_request> ||
    std::is_same_v<Request, sign_up_request> || std::is_same_v<Request, send_mail_request> ||
    std::is_same_v<Request, verify_mail_request> ||
    std::is_same_v<Request, exchange_code_request> || std::is_same_v<Request, authorize_request> ||
    std::is_same_v<Request, provider_callback_request> ||
    std::is_same_v<Request, id_token_request> || std::is_same_v<Request, sign_in_settings_request>;

/// Requests whose service itself reserves what they use, for it knows how much that is; of others
/// the router counts one.
template <class Request>
inline constexpr bool is_metered =
    std::is_same_v<Request, chat_request> || std::is_same_v<Request, embeddings_request>;

/// Nobody counts it: who has reached a limit can stop a stream, too.
template <class Request>
inline constexpr bool is_uncounted = std::is_same_v<Request, stop_chat_request>;

template <class Request>
inline constexpr bool is_admin_only = false;
#define TROUPE_IS_ADMIN_ONLY(service_, name_, request_, delta_, reply_, class_) \
  template <>                                                                   \
  inline constexpr bool is_admin_only<request_> = true;
TROUPE_ADMIN_METHODS(TROUPE_IS_ADMIN_ONLY)
TROUPE_CLUSTER_METHODS(TROUPE_IS_ADMIN_ONLY)
#undef TROUPE_IS_ADMIN_ONLY

/// What whoever holds a credential may do with it, whatever its scopes: see whose it is, end it.
template <class Request>
inline constexpr bool needs_no_scope =
    std::is_same_v<Request, me_request> || std::is_same_v<Request, verify_request> ||
    std::is_same_v<Request, logout_request>;

/// The scope that a method wants; empty: none.
template <class Request>
[[nodiscard]] consteval std::string_view scope_of() {
  if (needs_no_scope<Request>) return {};
  constexpr auto service = method_traits<Request>::service;
  constexpr auto method = method_traits<Request>::wire_name.substr(service.size() + 1);
  constexpr bool reads = method.starts_with("list") || method.starts_with("get") ||
                         method.starts_with("search") || method.starts_with("file_content");
  if (is_admin_only<Request>) return "admin";
  if (service == "prompt") return "chat";
  if (service == "retrieval") return reads ? "documents:read" : "documents:write";
  if (service == "log") return reads ? "logs:read" : "logs:write";
  return "account";
}

/// Whether these scopes have this one; none at all have every one.
[[nodiscard]] inline bool has_scope(const std::vector<std::string>& held, std::string_view wanted) {
  return wanted.empty() || held.empty() || std::ranges::find(held, wanted) != held.end();
}

} // namespace troupe
