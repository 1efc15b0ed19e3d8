#pragma once

#include "messages/accounts.hpp"
#include "messages/api_keys.hpp"
#include "messages/auth.hpp"
#include "messages/base/reply.hpp"
#include "messages/chat.hpp"
#include "messages/documents.hpp"
#include "messages/limits.hpp"
#include "messages/log.hpp"
#include "messages/sign_in.hpp"
#include "messages/system.hpp"
#include "messages/topology.hpp"

#include <string_view>

/// THE list of methods, by service: X(service, name, request, delta, reply, class).
/// `delta` is `none` where nothing is streamed. Classes (BACKBONE, delivery classes):
/// `once` - the handler starts at most once; `idempotent` - may be re-sent to another worker.
/// Every request struct belongs to exactly one method, so the request's type names the method.

/// Of the service auth as well: sign-up, and signing in by mail or at another provider.
#define TROUPE_SIGN_IN_METHODS(X)                                                  \
  X(auth, sign_up, sign_up_request, none, sign_in_reply, once)                     \
  X(auth, send_mail, send_mail_request, none, done, once)                          \
  X(auth, verify_mail, verify_mail_request, none, sign_in_reply, once)             \
  X(auth, exchange_code, exchange_code_request, none, session_reply, once)         \
  X(auth, authorize, authorize_request, none, sign_in_reply, once)                 \
  X(auth, provider_callback, provider_callback_request, none, sign_in_reply, once) \
  X(auth, id_token, id_token_request, none, session_reply, once)                   \
  X(auth, change_account, change_account_request, none, user_view, once)           \
  X(auth, sign_in_settings, sign_in_settings_request, none, json_reply, idempotent)

#define TROUPE_AUTH_METHODS(X)                                                     \
  X(auth, register, register_request, none, session_reply, once)                   \
  X(auth, login, login_request, none, session_reply, once)                         \
  X(auth, refresh, refresh_request, none, session_reply, once)                     \
  X(auth, logout, logout_request, none, done, idempotent)                          \
  X(auth, verify, verify_request, none, verify_reply, idempotent)                  \
  X(auth, me, me_request, none, user_view, idempotent)                             \
  X(auth, update_me, update_me_request, none, user_view, once)                     \
  X(auth, list_sessions, list_sessions_request, none, session_list, idempotent)    \
  X(auth, revoke_session, revoke_session_request, none, deleted_reply, idempotent) \
  X(auth, jwks, jwks_request, none, json_reply, idempotent)                        \
  TROUPE_SIGN_IN_METHODS(X)

#define TROUPE_KEY_METHODS(X)                                         \
  X(keys, create, create_key_request, none, api_key_view, once)       \
  X(keys, list, list_keys_request, none, api_key_list, idempotent)    \
  X(keys, update, update_key_request, none, api_key_view, idempotent) \
  X(keys, rotate, rotate_key_request, none, api_key_view, once)       \
  X(keys, revoke, revoke_key_request, none, deleted_reply, idempotent)

/// For admins only.
#define TROUPE_ADMIN_METHODS(X)                                                                 \
  X(accounts, list_users, list_users_request, none, user_list, idempotent)                      \
  X(accounts, create_user, create_user_request, none, user_view, once)                          \
  X(accounts, get_user, get_user_request, none, user_view, idempotent)                          \
  X(accounts, update_user, update_user_request, none, user_view, once)                          \
  X(accounts, delete_user, delete_user_request, none, deleted_reply, idempotent)                \
  X(accounts, import_users, import_users_request, none, import_users_reply, once)               \
  X(accounts, end_sessions, end_sessions_request, none, done, idempotent)                       \
  X(accounts, list_signing_keys, list_signing_keys_request, none, signing_key_list, idempotent) \
  X(accounts, rotate_signing_key, rotate_signing_key_request, none, signing_key_view, once)     \
  X(accounts, make_link, make_link_request, none, link_reply, once)                             \
  X(accounts, put_caps, put_caps_request, none, caps_view, idempotent)                          \
  X(accounts, get_caps, get_caps_request, none, caps_view, idempotent)

#define TROUPE_ORGANIZATION_METHODS(X)                                                             \
  X(accounts, create_organization, create_organization_request, none, organization_view, once)     \
  X(accounts, list_organizations, list_organizations_request, none, organization_list, idempotent) \
  X(accounts, get_organization, get_organization_request, none, organization_view, idempotent)     \
  X(accounts, update_organization, update_organization_request, none, organization_view,           \
    idempotent)                                                                                    \
  X(accounts, delete_organization, delete_organization_request, none, deleted_reply, idempotent)   \
  X(accounts, list_members, list_members_request, none, member_list, idempotent)                   \
  X(accounts, put_member, put_member_request, none, done, idempotent)                              \
  X(accounts, remove_member, remove_member_request, none, deleted_reply, idempotent)

/// The methods of the account gate.
#define TROUPE_ACCOUNT_METHODS(X) \
  TROUPE_AUTH_METHODS(X)          \
  TROUPE_KEY_METHODS(X)           \
  TROUPE_ADMIN_METHODS(X)         \
  TROUPE_ORGANIZATION_METHODS(X)

/// Asked by routers only.
#define TROUPE_AUTH_INTERNAL_METHODS(X) \
  X(auth, authenticate, authenticate_request, none, authenticate_reply, idempotent)

/// Asked by routers and services: what a caller may use at most.
#define TROUPE_LIMIT_METHODS(X)                                                    \
  X(limits, reserve, reserve_request, none, reserve_reply, idempotent)             \
  X(limits, settle, settle_request, none, done, idempotent)                        \
  X(limits, renew, renew_request, none, renew_reply, idempotent)                   \
  X(limits, shard_reserve, shard_reserve_request, none, shard_verdict, idempotent) \
  X(limits, shard_settle, shard_settle_request, none, done, idempotent)            \
  X(limits, shard_renew, shard_renew_request, none, renew_reply, idempotent)

#define TROUPE_PROMPT_METHODS(X)                                             \
  X(prompt, chat, chat_request, chat_delta, chat_reply, once)                \
  X(prompt, resume, resume_chat_request, chat_delta, chat_reply, idempotent) \
  X(prompt, stop, stop_chat_request, none, chat_stream_view, idempotent)     \
  X(prompt, embeddings, embeddings_request, none, json_reply, idempotent)    \
  X(prompt, models, models_request, none, model_list, idempotent)

#define TROUPE_RETRIEVAL_METHODS(X)                                                           \
  X(retrieval, create_file, create_file_request, none, file_view, once)                       \
  X(retrieval, list_files, list_files_request, none, file_list, idempotent)                   \
  X(retrieval, get_file, get_file_request, none, file_view, idempotent)                       \
  X(retrieval, file_content, file_content_request, file_chunk, file_view, once)               \
  X(retrieval, delete_file, delete_file_request, none, deleted_reply, once)                   \
  X(retrieval, create_store, create_store_request, none, store_view, once)                    \
  X(retrieval, list_stores, list_stores_request, none, store_list, idempotent)                \
  X(retrieval, get_store, get_store_request, none, store_view, idempotent)                    \
  X(retrieval, delete_store, delete_store_request, none, deleted_reply, once)                 \
  X(retrieval, attach_file, attach_file_request, none, store_file_view, idempotent)           \
  X(retrieval, list_store_files, list_store_files_request, none, store_file_list, idempotent) \
  X(retrieval, get_store_file, get_store_file_request, none, store_file_view, idempotent)     \
  X(retrieval, detach_file, detach_file_request, none, deleted_reply, once)                   \
  X(retrieval, search, search_request, none, search_reply, idempotent)

#define TROUPE_LOG_METHODS(X)                                        \
  X(log, append, append_logs_request, none, append_logs_reply, once) \
  X(log, patch, patch_log_request, none, log_record, idempotent)     \
  X(log, list, list_logs_request, none, log_page, idempotent)

/// Asked by whoever deletes an account. Each deletes all that the user owns in its service at the
/// time of the request, a bounded step a transaction, and answers when it is gone; asked again it
/// goes on where it was broken off. It covers what the service took before it, not requests of the
/// user that come later: first take the credentials away and let limits::auth_cache_ttl pass. Ask
/// `prompt` before `log`: its chats leave records there.
#define TROUPE_PROMPT_INTERNAL_METHODS(X)                                      \
  X(prompt, purge, purge_conversations_request, none, purge_reply, idempotent) \
  X(prompt, keep_turn, keep_turn_request, none, done, once)
#define TROUPE_RETRIEVAL_INTERNAL_METHODS(X) \
  X(retrieval, purge, purge_documents_request, none, purge_reply, idempotent)
#define TROUPE_LOG_INTERNAL_METHODS(X) \
  X(log, purge, purge_logs_request, none, purge_reply, idempotent)

/// Answered by the routers themselves, for admins only.
#define TROUPE_CLUSTER_METHODS(X) X(cluster, topology, topology_request, none, topology, idempotent)

/// What an edge may ask a router for.
#define TROUPE_PUBLIC_METHODS(X) \
  TROUPE_PROMPT_METHODS(X)       \
  TROUPE_RETRIEVAL_METHODS(X)    \
  TROUPE_LOG_METHODS(X)          \
  TROUPE_CLUSTER_METHODS(X)      \
  TROUPE_ACCOUNT_METHODS(X)

/// What services ask each other; not reachable through an edge.
#define TROUPE_INTERNAL_METHODS(X)     \
  TROUPE_LIMIT_METHODS(X)              \
  TROUPE_AUTH_INTERNAL_METHODS(X)      \
  TROUPE_PROMPT_INTERNAL_METHODS(X)    \
  TROUPE_RETRIEVAL_INTERNAL_METHODS(X) \
  TROUPE_LOG_INTERNAL_METHODS(X)

#define TROUPE_METHODS(X)  \
  TROUPE_PUBLIC_METHODS(X) \
  TROUPE_INTERNAL_METHODS(X)

namespace troupe {

/// "Nothing is streamed", in place of a delta type.
struct none {};

enum class delivery : std::uint8_t { once, idempotent };

/// The facts of the method whose request is `Request`; specialised from the list. `ping_request`
/// has none: every service answers it, under the name `<service>.ping/v1`.
template <class Request>
struct method_traits;

#define TROUPE_METHOD_TRAITS(service_, name_, request_, delta_, reply_, class_) \
  template <>                                                                   \
  struct method_traits<request_> {                                              \
    using delta_type = delta_;                                                  \
    using reply_type = reply_;                                                  \
    static constexpr std::string_view service = #service_;                      \
    static constexpr std::string_view wire_name = #service_ "." #name_ "/v1";   \
    static constexpr delivery delivered = delivery::class_;                     \
    static constexpr bool streamed = !std::is_same_v<delta_, none>;             \
  };
TROUPE_METHODS(TROUPE_METHOD_TRAITS)
#undef TROUPE_METHOD_TRAITS

template <>
struct method_traits<ping_request> {
  using delta_type = none;
  using reply_type = ping_reply;
  static constexpr std::string_view service = "";
  static constexpr std::string_view wire_name = "ping/v1";
  static constexpr delivery delivered = delivery::idempotent;
  static constexpr bool streamed = false;
};

template <class Request>
using reply_of = typename method_traits<Request>::reply_type;
template <class Request>
using delta_of = typename method_traits<Request>::delta_type;

} // namespace troupe
