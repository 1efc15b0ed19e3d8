#pragma once

#include "messages/base/limits.hpp"
#include "messages/message_list.hpp"
#include "messages/schema/describe.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string_view>

/// What Describe cannot carry about fields, once: validate.cpp refuses requests by these rules, and
/// codec/schema.cpp writes them into the OpenAPI document. A field without a rule has no bound but
/// its type's. The rules of replies only describe.
namespace troupe {

struct field_rule {
  std::string_view name;                    ///< on the wire
  bool required = false;                    ///< absent, null and empty are refused
  bool internal = false;                    ///< the program's own; no client is told of it
  std::size_t bytes_min = 0, bytes_max = 0; ///< of a text; most 0: unbounded
  std::size_t items_min = 0, items_max = 0; ///< of an array; most 0: unbounded
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  std::span<const std::string_view> words = {}; ///< the only values of a text
  bool time = false;                            ///< a text as in RFC 3339
  bool object = false;                          ///< a raw JSON text that is an object
  std::string_view json = {};  ///< the JSON Schema of a raw JSON text where it says more
  std::string_view about = {}; ///< for people
};

/// Specialised below for the types that have rules.
template <class T>
inline constexpr std::array<field_rule, 0> field_rules{};

/// JSON Schema members of the object itself, with a comma after each.
template <class T>
inline constexpr std::string_view object_rules{};

/// Whether T comes from clients, alone or inside another: then required is what a rule says. Of any
/// other message all that its writer always writes is required.
template <class T>
inline constexpr bool is_request = false;

#define TROUPE_IS_REQUEST(service_, name_, request_, delta_, reply_, class_) \
  template <>                                                                \
  inline constexpr bool is_request<request_> = true;
TROUPE_METHODS(TROUPE_IS_REQUEST)
#undef TROUPE_IS_REQUEST
template <>
inline constexpr bool is_request<chat_completion_body> = true;
template <>
inline constexpr bool is_request<chat_stream_body> = true;
template <>
inline constexpr bool is_request<chat_message> = true;
template <>
inline constexpr bool is_request<stream_options> = true;
template <>
inline constexpr bool is_request<retrieval_options> = true;
template <>
inline constexpr bool is_request<log_input> = true;
template <>
inline constexpr bool is_request<import_user> = true;
template <>
inline constexpr bool is_request<admin_user_body> = true;

namespace rules {

inline constexpr std::size_t name_bytes = 200;
inline constexpr std::size_t stores_a_search = 16;
inline constexpr double passages_max = 50;
inline constexpr std::size_t model_bytes = 256; ///< it goes into the usage record

inline constexpr std::array<std::string_view, 6> roles{"system",    "developer", "user",
                                                       "assistant", "tool",      "function"};
inline constexpr std::array<std::string_view, 2> orders{"asc", "desc"};
inline constexpr std::array<std::string_view, 2> encodings{"float", "base64"};
inline constexpr std::array<std::string_view, 4> file_states{"in_progress", "completed", "failed",
                                                             "cancelled"};
inline constexpr std::array<std::string_view, 2> store_states{"in_progress", "completed"};

inline constexpr std::array<std::string_view, 3> stream_states{"completed", "failed", "cancelled"};

inline constexpr field_rule resumable{
    .name = "resumable",
    .about =
        "With a stream: it goes on for 30 s when its client is gone, and events have ids to "
        "continue from."};
inline constexpr field_rule order{
    .name = "order", .words = orders, .about = "By time of creation."};
inline constexpr field_rule after{
    .name = "after", .about = "Only what stands behind this id: `last_id` of the page before."};
inline constexpr field_rule before{
    .name = "before", .about = "Only what stands in front of this id: `first_id` of a page."};
inline constexpr field_rule user{
    .name = "user", .about = "Admins: this user's objects. Of any other caller it is ignored."};
inline constexpr field_rule attributes{.name = "attributes", .object = true};
/// Their own bounds: codec/attributes.hpp.
inline constexpr field_rule file_attributes{
    .name = "attributes",
    .object = true,
    .json = R"({"type":"object","maxProperties":16,"propertyNames":{"minLength":1,"maxLength":64},)"
            R"("additionalProperties":{"type":["string","number","boolean"],"maxLength":512}})"};
inline constexpr field_rule name{.name = "name", .bytes_max = name_bytes};
inline constexpr field_rule email{.name = "email", .bytes_max = 254};
inline constexpr field_rule password{.name = "password",
                                     .bytes_min = limits::password_bytes_min,
                                     .bytes_max = limits::password_bytes_max};
inline constexpr field_rule user_metadata{.name = "user_metadata", .object = true};
inline constexpr std::array<std::string_view, 3> account_roles{"user", "viewer", "admin"};
inline constexpr std::array<std::string_view, 3> member_roles{"owner", "admin", "member"};
inline constexpr std::array<std::string_view, 4> import_states{"created", "exists", "updated",
                                                               "failed"};
inline constexpr std::array<std::string_view, 3> logout_scopes{"local", "others", "global"};
inline constexpr field_rule account_role{
    .name = "account_role",
    .words = account_roles,
    .about = "A viewer reads what is its own and changes nothing; an admin may all."};
inline constexpr field_rule scopes{
    .name = "scopes",
    .items_max = 16,
    .about =
        "chat, documents:read, documents:write, logs:read, logs:write, account, admin; empty: "
        "whatever the owner may."};

inline constexpr std::array<std::string_view, 4> mail_types{"recovery", "magiclink", "signup",
                                                            "email_change"};
inline constexpr std::array<std::string_view, 6> verify_types{"signup", "recovery",     "magiclink",
                                                              "email",  "email_change", "invite"};
inline constexpr std::array<std::string_view, 5> link_types{"signup", "invite", "magiclink",
                                                            "recovery", "email_change_new"};
inline constexpr field_rule data{.name = "data", .object = true};
inline constexpr field_rule redirect_to{.name = "redirect_to", .bytes_max = limits::redirect_bytes};
inline constexpr field_rule provider{
    .name = "provider", .required = true, .bytes_max = limits::issuer_name_bytes};
inline constexpr field_rule code_challenge{.name = "code_challenge", .bytes_max = 128};
inline constexpr field_rule challenge_method{.name = "code_challenge_method", .bytes_max = 16};

constexpr field_rule metadata_patch(std::string_view which) {
  return {.name = which, .object = true, .about = "A JSON Merge Patch (RFC 7396)."};
}

constexpr field_rule limit(double most) {
  return {.name = "limit", .least = 1, .most = most, .about = "At most this many in one page."};
}

} // namespace rules

#define TROUPE_RULES(T) \
  template <>           \
  inline constexpr auto field_rules<T> = std::to_array<field_rule>

// ---- auth

TROUPE_RULES(register_request)
({{.name = "email", .required = true, .bytes_max = 254, .about = "Has one `@` and no spaces."},
  {.name = "password",
   .required = true,
   .bytes_min = limits::password_bytes_min,
   .bytes_max = limits::password_bytes_max},
  rules::name,
  rules::user_metadata});
TROUPE_RULES(login_request)
({{.name = "email", .required = true},
  {.name = "password", .required = true, .bytes_max = limits::password_bytes_max}});
TROUPE_RULES(refresh_request)({{.name = "refresh_token", .required = true}});
TROUPE_RULES(verify_request)
({{.name = "token", .required = true, .about = "An access token or an API key."}});
TROUPE_RULES(logout_request)
({{.name = "scope",
   .words = rules::logout_scopes,
   .about = "This session, all others of the user, or all."}});
TROUPE_RULES(update_me_request)
({rules::email,
  rules::password,
  {.name = "current_password",
   .bytes_max = limits::password_bytes_max,
   .about = "With a new password, when the account has one."},
  rules::name,
  rules::metadata_patch("user_metadata")});
TROUPE_RULES(identity_view)
({{.name = "identity_data", .object = true}, {.name = "created_at", .time = true}});
TROUPE_RULES(user_view)
({{.name = "account_role", .words = rules::account_roles},
  {.name = "email_confirmed_at", .time = true},
  {.name = "confirmed_at", .time = true},
  {.name = "last_sign_in_at", .time = true},
  {.name = "banned_until", .time = true, .about = "Only while the account is banned."},
  {.name = "app_metadata", .object = true},
  rules::user_metadata,
  {.name = "created_at", .time = true},
  {.name = "updated_at", .time = true}});

// ---- sign-up and signing in by mail

TROUPE_RULES(sign_up_request)
({rules::email, rules::password, rules::data, rules::redirect_to, rules::code_challenge,
  rules::challenge_method});
TROUPE_RULES(send_mail_request)
({{.name = "type", .required = true, .words = rules::mail_types},
  rules::email,
  rules::data,
  rules::redirect_to,
  rules::code_challenge,
  rules::challenge_method});
TROUPE_RULES(verify_mail_request)
({{.name = "type", .required = true, .words = rules::verify_types},
  {.name = "token", .bytes_max = 256},
  {.name = "token_hash", .bytes_max = 256},
  rules::email,
  rules::redirect_to});
TROUPE_RULES(exchange_code_request)
({{.name = "auth_code", .required = true, .bytes_max = 256},
  {.name = "code_verifier", .required = true, .bytes_max = 256}});
TROUPE_RULES(authorize_request)
({rules::provider,
  rules::redirect_to,
  {.name = "scopes", .bytes_max = 512},
  rules::code_challenge,
  rules::challenge_method,
  {.name = "hints", .items_max = 16}});
TROUPE_RULES(provider_callback_request)
({rules::provider,
  {.name = "code", .bytes_max = limits::token_bytes},
  {.name = "state", .bytes_max = limits::token_bytes},
  {.name = "iss", .bytes_max = limits::token_bytes},
  {.name = "error", .bytes_max = limits::token_bytes},
  {.name = "error_description", .bytes_max = limits::token_bytes}});
TROUPE_RULES(id_token_request)
({rules::provider,
  {.name = "id_token", .required = true, .bytes_max = limits::token_bytes},
  {.name = "nonce", .bytes_max = 1024}});
TROUPE_RULES(change_account_request)
({rules::email, rules::password, rules::data, rules::redirect_to, rules::code_challenge,
  rules::challenge_method});
TROUPE_RULES(make_link_request)
({{.name = "type", .required = true, .words = rules::link_types},
  {.name = "email", .required = true, .bytes_max = 254},
  {.name = "new_email", .bytes_max = 254},
  rules::password,
  rules::data,
  rules::redirect_to});

// ---- keys

TROUPE_RULES(create_key_request)
({rules::name,
  rules::scopes,
  {.name = "expires_in", .least = 0, .most = 10.0 * 366 * 86400, .about = "Seconds; 0: never."},
  {.name = "organization", .about = "One of the owner's, whose caps the key counts against."},
  {.name = "user", .about = "Admins: a key for this user."}});
TROUPE_RULES(list_keys_request)({rules::user});
TROUPE_RULES(update_key_request)
({rules::name,
  rules::scopes,
  {.name = "expires_in",
   .least = 0,
   .most = 10.0 * 366 * 86400,
   .about = "Seconds from now; 0: never."},
  rules::user});
TROUPE_RULES(revoke_key_request)({rules::user});
TROUPE_RULES(rotate_key_request)
({{.name = "overlap",
   .least = 0,
   .most = 30.0 * 86400,
   .about = "Seconds that the old key still works."},
  rules::user});
TROUPE_RULES(api_key_view)
({{.name = "hint", .about = "The first characters of the key."},
  {.name = "key", .about = "The whole key; only in the answer that creates it."}});

// ---- accounts

TROUPE_RULES(list_users_request)
({{.name = "q", .bytes_max = 254, .about = "A part of the e-mail or the name, in either case."},
  {.name = "offset", .least = 0, .most = 1e9, .about = "Users passed over."},
  rules::limit(1000)});
TROUPE_RULES(create_user_request)
({{.name = "email", .required = true, .bytes_max = 254},
  rules::password,
  rules::name,
  rules::account_role,
  {.name = "app_metadata", .object = true},
  rules::user_metadata});
TROUPE_RULES(update_user_request)
({rules::email,
  rules::password,
  rules::name,
  rules::account_role,
  {.name = "banned_for",
   .least = 0,
   .most = 100.0 * 366 * 86400,
   .about = "Seconds from now; 0 lifts a ban."},
  rules::metadata_patch("app_metadata"),
  rules::metadata_patch("user_metadata")});
TROUPE_RULES(import_user)
({{.name = "id", .bytes_max = 36, .about = "A UUID that is kept while it is free."},
  {.name = "email", .required = true, .bytes_max = 254},
  {.name = "password_hash",
   .bytes_max = limits::import_hash_bytes,
   .about = "As the other program stored it; absent: no sign-in with a password."},
  rules::name,
  rules::account_role,
  {.name = "active", .about = "False: the account is banned."},
  {.name = "created_at", .time = true},
  rules::user_metadata});
TROUPE_RULES(import_users_request)
({{.name = "users", .required = true, .items_min = 1, .items_max = limits::import_users},
  {.name = "update",
   .about = "Accounts that exist take the name, role and metadata, and a password where they have "
            "none."},
  {.name = "dry_run", .about = "Say what would be done, and do nothing."}});
TROUPE_RULES(import_outcome)
({{.name = "status", .words = rules::import_states},
  {.name = "param", .about = "The field that is wrong."}});
TROUPE_RULES(put_caps_request)
({{.name = "subject", .required = true, .bytes_max = 80},
  {.name = "requests_per_minute", .least = 0, .most = 1e9, .about = "0: no cap."},
  {.name = "tokens_per_minute", .least = 0, .most = 1e12, .about = "0: no cap."},
  {.name = "streams", .least = 0, .most = 1e6, .about = "At the same time; 0: no cap."},
  {.name = "usd_per_day", .least = 0, .most = 1e9, .about = "0: no cap."}});
TROUPE_RULES(get_caps_request)({{.name = "subject", .required = true, .bytes_max = 80}});
TROUPE_RULES(create_organization_request)
({{.name = "name", .required = true, .bytes_max = rules::name_bytes}});
TROUPE_RULES(update_organization_request)
({{.name = "name", .required = true, .bytes_max = rules::name_bytes}});
TROUPE_RULES(list_organizations_request)
({{.name = "all", .about = "Admins: not only those that the caller is a member of."}});
TROUPE_RULES(put_member_request)({{.name = "role", .words = rules::member_roles}});

// ---- prompt

TROUPE_RULES(chat_message)
({{.name = "role", .required = true, .words = rules::roles},
  {.name = "content",
   .json = R"({"type":["string","array","null"]})",
   .about = "A text or an array of parts; may be absent but for system, developer and user."}});
template <>
inline constexpr std::string_view object_rules<chat_message> =
    R"("if":{"properties":{"role":{"enum":["system","developer","user"]}}},)"
    R"("then":{"required":["content"],"properties":{"content":{"type":["string","array"]}}},)";
TROUPE_RULES(retrieval_options)
({{.name = "vector_store_ids",
   .required = true,
   .items_min = 1,
   .items_max = rules::stores_a_search},
  {.name = "max_num_results", .least = 1, .most = rules::passages_max}});
TROUPE_RULES(chat_request)({{.name = "model", .bytes_max = rules::model_bytes}});
TROUPE_RULES(chat_completion_body)
({{.name = "model", .required = true, .bytes_max = rules::model_bytes},
  {.name = "messages", .required = true, .items_min = 1},
  {.name = "temperature", .least = 0, .most = 2},
  {.name = "top_p", .least = 0, .most = 1},
  {.name = "presence_penalty", .least = -2, .most = 2},
  {.name = "frequency_penalty", .least = -2, .most = 2},
  {.name = "n", .least = 1, .most = 128},
  {.name = "max_tokens", .least = 1},
  {.name = "max_completion_tokens", .least = 1},
  {.name = "retrieval", .about = "Search these stores, answer from what is found, and cite it."},
  rules::resumable});
template <>
inline constexpr std::string_view object_rules<chat_completion_body> =
    R"("description":"What Troupe reads; any other field reaches the provider unchanged.",)";
TROUPE_RULES(chat_stream_body)
({{.name = "message", .required = true, .bytes_max = 256u << 10},
  {.name = "conversation_id", .about = "Absent: a new conversation."},
  {.name = "model", .bytes_max = rules::model_bytes, .about = "Absent: the configured one."},
  {.name = "vector_store_ids",
   .items_max = rules::stores_a_search,
   .about = "Absent: all of the caller's stores; empty: none."},
  rules::resumable});
TROUPE_RULES(resume_chat_request)({{.name = "stream", .required = true, .bytes_max = 64}});
TROUPE_RULES(stop_chat_request)({{.name = "id", .required = true, .bytes_max = 64}});
TROUPE_RULES(chat_stream_view)({{.name = "status", .words = rules::stream_states}});
TROUPE_RULES(embeddings_request)
({{.name = "model", .required = true, .bytes_max = rules::model_bytes},
  {.name = "input",
   .required = true,
   .json = R"({"anyOf":[{"type":"string","minLength":1},{"type":"array","minItems":1,)"
           R"("maxItems":2048,"items":{"type":["string","integer","array"],"minLength":1,)"
           R"("items":{"type":"integer"}}}]})",
   .about = "A text or texts. Arrays of token numbers are for a provider's models only."},
  {.name = "encoding_format", .words = rules::encodings, .about = "Absent: float."},
  {.name = "dimensions", .least = 1},
  {.name = "body", .internal = true}});
static_assert(limits::embedding_inputs == 2048, "the schema of `input` has the number too");
TROUPE_RULES(models_request)({{.name = "id", .internal = true}});

// ---- retrieval

TROUPE_RULES(create_file_request)
({{.name = "filename", .required = true, .bytes_max = 255},
  {.name = "purpose", .required = true, .bytes_max = 64}});
TROUPE_RULES(list_files_request)
({rules::limit(10000),
  rules::order,
  rules::after,
  rules::before,
  rules::user,
  {.name = "purpose", .about = "Only files of this purpose."}});
TROUPE_RULES(create_store_request)
({rules::name,
  {.name = "file_ids",
   .items_max = limits::store_files_at_once,
   .about = "Files to attach and index at once: all of them or none."},
  {.name = "metadata", .object = true}});
TROUPE_RULES(list_stores_request)
({rules::limit(100), rules::order, rules::after, rules::before, rules::user});
TROUPE_RULES(store_view)
({{.name = "status", .words = rules::store_states}, {.name = "metadata", .object = true}});
TROUPE_RULES(store_file_view)
({{.name = "status", .words = rules::file_states}, rules::attributes});
TROUPE_RULES(attach_file_request)
({{.name = "file_id", .required = true}, rules::file_attributes});
TROUPE_RULES(list_store_files_request)
({rules::limit(100),
  rules::order,
  rules::after,
  rules::before,
  {.name = "filter", .words = rules::file_states, .about = "Only files of this status."}});
TROUPE_RULES(search_request)
({{.name = "vector_store_ids", .internal = true, .items_max = rules::stores_a_search},
  {.name = "query",
   .required = true,
   .json = R"({"anyOf":[{"type":"string","minLength":1},{"type":"array","minItems":1,)"
           R"("maxItems":16,"items":{"type":"string","minLength":1}}]})"},
  {.name = "max_num_results", .least = 1, .most = rules::passages_max},
  {.name = "ranking_options",
   .object = true,
   .json = R"({"type":"object","properties":{"ranker":{"type":"string",)"
           R"("description":"auto (or OpenAI's default-…), bm25 or none"},)"
           R"("score_threshold":{"type":"number","minimum":0,"maximum":1}}})"},
  {.name = "filters",
   .json = R"({"type":"object","required":["type"],"properties":{"type":{"enum":["eq","ne","gt",)"
           R"("gte","lt","lte","in","nin","and","or"]},"key":{"type":"string"},"value":{},)"
           R"("filters":{"type":"array","items":{"type":"object"}}}})",
   .about = "Only files whose attributes match: {type, key, value}, or {type: and|or, filters}."},
  {.name = "rewrite_query", .about = "Taken and ignored: a query is searched as it was written."}});
TROUPE_RULES(search_hit)
({{.name = "score", .least = 0, .most = 1, .about = "Higher is better."}, rules::attributes});

// ---- log

TROUPE_RULES(log_input)
({{.name = "level", .required = true},
  {.name = "service", .required = true, .bytes_max = 128},
  {.name = "message", .required = true, .bytes_max = limits::log_message_bytes},
  rules::attributes,
  {.name = "time", .time = true, .about = "Absent: now."}});
TROUPE_RULES(patch_log_request)
({{.name = "id", .required = true},
  {.name = "attributes",
   .object = true,
   .about = "A JSON Merge Patch (RFC 7396). Absent: nothing changes."}});
TROUPE_RULES(log_record)
({{.name = "time", .time = true}, rules::attributes, {.name = "user", .about = "The owner."}});
TROUPE_RULES(list_logs_request)
({{.name = "q", .about = "Every word must occur in the message, in either case."},
  {.name = "since", .time = true, .about = "Inclusive."},
  {.name = "until", .time = true, .about = "Exclusive."},
  rules::limit(1000),
  {.name = "cursor", .about = "`next_cursor` of the page before."},
  rules::user});

#undef TROUPE_RULES

/// The rule of a field; an empty one when there is none.
template <class T>
[[nodiscard]] constexpr field_rule rule_of(std::string_view name) noexcept {
  for (const field_rule& rule : field_rules<T>)
    if (rule.name == name) return rule;
  return {.name = name};
}

/// Whether every rule names a field.
template <class T>
consteval bool rules_name_fields() {
  return std::ranges::all_of(field_rules<T>, [](const field_rule& rule) {
    bool found = false;
    boost::mp11::mp_for_each<schema::members_of<T>>([&](auto descriptor) {
      found = found || schema::wire_name(decltype(descriptor)::name) == rule.name;
    });
    return found;
  });
}

} // namespace troupe
