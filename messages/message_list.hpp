#pragma once

#include "messages/base/error.hpp"
#include "messages/method_list.hpp"

// clang-format off: it sets the list otherwise each time.
/// THE list of described messages: the codecs are instantiated for these types, the OpenAPI
/// document names them, and one test walks the list through every codec.
#define TROUPE_MESSAGES(X)                                                                          \
  X(error) X(done) X(caller) X(call_id)                                                             \
  X(user_view) X(register_request) X(login_request) X(refresh_request) X(session_reply)             \
  X(logout_request) X(verify_request) X(verify_reply) X(me_request) X(deleted_reply)                \
  X(identity_view) X(update_me_request) X(list_sessions_request) X(session_view) X(session_list)    \
  X(revoke_session_request)                                                                         \
  X(create_key_request) X(api_key_view) X(list_keys_request) X(api_key_list) X(update_key_request)  \
  X(rotate_key_request) X(revoke_key_request)                                                       \
  X(list_users_request) X(user_list) X(create_user_request) X(get_user_request)                     \
  X(update_user_request) X(delete_user_request) X(end_sessions_request)                             \
  X(import_user) X(import_users_request) X(import_outcome) X(import_users_reply)                    \
  X(jwks_request) X(list_signing_keys_request) X(rotate_signing_key_request)                        \
  X(signing_key_view) X(signing_key_list)                                                           \
  X(put_caps_request) X(get_caps_request) X(caps_view)                                              \
  X(create_organization_request) X(organization_view) X(list_organizations_request)                 \
  X(organization_list) X(get_organization_request) X(update_organization_request)                   \
  X(delete_organization_request) X(member_view) X(list_members_request) X(member_list)              \
  X(put_member_request) X(remove_member_request)                                                    \
  X(authenticate_request) X(authenticate_reply)                                                     \
  X(usage_caps) X(reserve_request) X(rate_limit) X(rate_limit_list) X(reserve_reply)                \
  X(settle_request) X(renew_request) X(renew_reply)                                                 \
  X(shard_want) X(shard_reserve_request) X(shard_verdict) X(shard_settle_request)                   \
  X(shard_renew_request) X(counter_state) X(reservation_state) X(limit_shard_state)                 \
  X(sign_up_request) X(sign_in_reply) X(send_mail_request) X(verify_mail_request)                   \
  X(exchange_code_request) X(change_account_request) X(sign_in_settings_request)                    \
  X(authorize_request) X(provider_callback_request) X(id_token_request)                             \
  X(make_link_request) X(link_reply) X(admin_user_body)                                             \
  X(chat_message) X(stream_options) X(retrieval_options) X(chat_completion_body)                    \
  X(chat_stream_body) X(chat_request) X(chat_delta) X(token_usage) X(chat_reply)                    \
  X(resume_chat_request) X(stop_chat_request) X(chat_stream_view) X(chat_stream_begin)              \
  X(keep_turn_request)                                                                              \
  X(embeddings_request) X(json_reply) X(models_request) X(model_view) X(model_list) X(citation)     \
  X(file_view) X(create_file_request) X(list_files_request) X(file_list) X(get_file_request)        \
  X(file_content_request) X(file_chunk) X(delete_file_request) X(file_counts) X(store_view)         \
  X(create_store_request) X(list_stores_request) X(store_list) X(get_store_request)                 \
  X(delete_store_request) X(file_error) X(store_file_view) X(attach_file_request)                   \
  X(list_store_files_request) X(store_file_list) X(get_store_file_request) X(detach_file_request)   \
  X(search_request) X(search_content) X(search_hit) X(search_reply)                                 \
  X(log_record) X(log_input) X(append_logs_request) X(append_logs_reply) X(patch_log_request)       \
  X(list_logs_request) X(log_page)                                                                  \
  X(purge_documents_request) X(purge_conversations_request) X(purge_logs_request) X(purge_reply)    \
  X(ping_request) X(service_status) X(ping_reply)                                                   \
  X(topology_request) X(reason_count) X(waiting_counts) X(service_load) X(node_view)                \
  X(broker_view) X(broker_report) X(topology)
// clang-format on
