// Goal: the schemas say what the program does: a field is required where a request without it is
// refused and nowhere else, and where a reply always has it. Method: a body that passes for every
// public request, one field taken out at a time; for replies what the writer makes of fresh ones.
#include "messages/codec/schema.hpp"

#include "messages/codec/json.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/field_rules.hpp"
#include "messages/validate.hpp"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <functional>
#include <map>
#include <set>

namespace troupe {
namespace {

const json::message_schema& schema_named(std::string_view name) {
  static const auto all = json::message_schemas();
  const auto found = std::ranges::find(all, name, &json::message_schema::name);
  if (found == all.end()) throw std::runtime_error("no schema " + std::string(name));
  return *found;
}

/// A request that passes, as JSON, and how it is asked.
struct subject {
  std::string good;
  std::function<result<void>(const std::string&)> ask;
  std::string before; ///< in front of `param`
};

template <class T>
result<void> decode_and_validate(const std::string& text) {
  auto in = json::decode<T>(text);
  if (!in) return std::unexpected(in.error());
  return validate(*in);
}

template <class T>
subject plain(std::string good) {
  return {std::move(good), &decode_and_validate<T>, {}};
}

result<void> ask_turn(const std::string& text) {
  auto turn = json::decode<chat_stream_body>(text);
  if (!turn) return std::unexpected(turn.error());
  chat_request in;
  in.format = chat_format::events;
  in.turn = std::move(*turn);
  return validate(in);
}

result<void> ask_record(const std::string& text) {
  auto record = json::decode<log_input>(text);
  if (!record) return std::unexpected(record.error());
  return validate(append_logs_request{{std::move(*record)}, "", {}});
}

/// `text` in the place of `@` of a chat.
subject inside_chat(std::string good, std::string chat, std::string before) {
  return {std::move(good),
          [chat](const std::string& text) {
            auto body = chat;
            return decode_and_validate<chat_completion_body>(body.replace(chat.find('@'), 1, text));
          },
          std::move(before)};
}

const std::map<std::string, subject>& subjects() {
  static const std::string chat = R"({"model":"m","messages":[{"role":"user","content":"hi"}])";
  static const std::map<std::string, subject> all{
      {"register_request",
       plain<register_request>(
           R"({"email":"a@b","password":"12345678","name":"A","user_metadata":{}})")},
      {"login_request", plain<login_request>(R"({"email":"a@b","password":"x"})")},
      {"refresh_request", plain<refresh_request>(R"({"refresh_token":"t"})")},
      {"verify_request", plain<verify_request>(R"({"token":"t"})")},
      {"logout_request", plain<logout_request>(R"({"scope":"others"})")},
      {"update_me_request",
       plain<update_me_request>(R"({"email":"a@b","password":"12345678","current_password":"x",
             "name":"A","user_metadata":{}})")},
      {"sign_up_request",
       plain<sign_up_request>(R"({"email":"a@b","phone":"","password":"12345678","data":{},
             "redirect_to":"https://a.b","code_challenge":"c","code_challenge_method":"s256"})")},
      {"send_mail_request",
       plain<send_mail_request>(R"({"type":"recovery","email":"a@b","phone":"","create_user":true,
             "data":{},"redirect_to":"https://a.b","code_challenge":"c",
             "code_challenge_method":"s256"})")},
      {"verify_mail_request",
       plain<verify_mail_request>(R"({"type":"email","token":"1","token_hash":"h","email":"a@b",
             "phone":"","redirect_to":"https://a.b","by_link":true})")},
      {"exchange_code_request",
       plain<exchange_code_request>(R"({"auth_code":"c","code_verifier":"v"})")},
      {"authorize_request",
       plain<authorize_request>(R"({"provider":"p","redirect_to":"https://a.b","scopes":"s",
             "code_challenge":"c","code_challenge_method":"s256","hints":["prompt=login"]})")},
      {"provider_callback_request",
       plain<provider_callback_request>(
           R"({"provider":"p","code":"c","state":"s","iss":"i","error":"e",
             "error_description":"d"})")},
      {"id_token_request",
       plain<id_token_request>(R"({"provider":"p","id_token":"t","nonce":"n"})")},
      {"change_account_request",
       plain<change_account_request>(R"({"email":"a@b","phone":"","password":"12345678","data":{},
             "redirect_to":"https://a.b","code_challenge":"c","code_challenge_method":"s256"})")},
      {"make_link_request",
       plain<make_link_request>(R"({"type":"signup","email":"a@b","new_email":"b@c",
             "password":"12345678","data":{},"redirect_to":"https://a.b","send":true})")},
      {"create_key_request",
       plain<create_key_request>(R"({"name":"k","scopes":["chat"],"expires_in":60,
             "organization":"o","user":"u"})")},
      {"list_keys_request", plain<list_keys_request>(R"({"user":"u"})")},
      {"update_key_request",
       plain<update_key_request>(R"({"id":"k","name":"k","scopes":["chat"],"expires_in":60,
             "user":"u"})")},
      {"rotate_key_request", plain<rotate_key_request>(R"({"id":"k","overlap":60,"user":"u"})")},
      {"list_users_request", plain<list_users_request>(R"({"q":"a","offset":1,"limit":7})")},
      {"create_user_request",
       plain<create_user_request>(R"({"email":"a@b","password":"12345678","name":"A",
             "account_role":"viewer","email_confirmed":true,"app_metadata":{},
             "user_metadata":{}})")},
      {"import_user", plain<import_user>(R"({"id":"0193e5b2-0000-7000-8000-000000000001",
             "email":"a@b","password_hash":"x","name":"A","account_role":"viewer","active":true,
             "email_confirmed":true,"created_at":"2026-01-31T12:00:00Z","user_metadata":{}})")},
      {"import_users_request",
       plain<import_users_request>(R"({"users":[{"email":"a@b"}],"update":true,"dry_run":true})")},
      {"update_user_request",
       plain<update_user_request>(R"({"id":"u","email":"a@b","password":"12345678","name":"A",
             "account_role":"viewer","email_confirmed":true,"banned_for":60,"app_metadata":{},
             "user_metadata":{}})")},
      {"put_caps_request", plain<put_caps_request>(R"({"subject":"user:u","requests_per_minute":1,
             "tokens_per_minute":1,"streams":1,"usd_per_day":1})")},
      {"get_caps_request", plain<get_caps_request>(R"({"subject":"org:o"})")},
      {"list_organizations_request", plain<list_organizations_request>(R"({"all":true})")},
      {"create_organization_request", plain<create_organization_request>(R"({"name":"o"})")},
      {"update_organization_request",
       plain<update_organization_request>(R"({"id":"o","name":"o"})")},
      {"put_member_request",
       plain<put_member_request>(R"({"id":"o","user_id":"u","role":"owner"})")},
      {"chat_completion_body",
       plain<chat_completion_body>(
           chat + R"(,"stream":true,"n":1,"user":"u","stream_options":{"include_usage":true},
         "temperature":1,"top_p":1,"presence_penalty":0,"frequency_penalty":0,"max_tokens":9,
         "max_completion_tokens":9,"seed":1,"resumable":true,"retrieval":{"vector_store_ids":["vs_1"]}})")},
      {"retrieval_options", inside_chat(R"({"vector_store_ids":["vs_1"],"max_num_results":3})",
                                        chat + R"(,"retrieval":@})", "retrieval.")},
      {"stream_options",
       inside_chat(R"({"include_usage":true})", chat + R"(,"stream_options":@})", "")},
      {"chat_message", inside_chat(R"({"role":"assistant","content":"hi"})",
                                   R"({"model":"m","messages":[@]})", "messages[0].")},
      {"chat_stream_body",
       {R"({"message":"hi","conversation_id":"c","model":"m","vector_store_ids":["vs_1"],"resumable":true})",
        &ask_turn,
        {}}},
      {"embeddings_request",
       plain<embeddings_request>(
           R"({"model":"local","input":"x","encoding_format":"float","dimensions":3})")},
      {"create_file_request",
       plain<create_file_request>(R"({"filename":"a.md","purpose":"x","content":"eA=="})")},
      {"list_files_request",
       plain<list_files_request>(
           R"({"limit":7,"order":"asc","after":"a","before":"b","user":"u","purpose":"p"})")},
      {"create_store_request",
       plain<create_store_request>(R"({"name":"s","file_ids":["f"],"metadata":{}})")},
      {"list_stores_request",
       plain<list_stores_request>(
           R"({"limit":7,"order":"asc","after":"a","before":"b","user":"u"})")},
      {"attach_file_request",
       plain<attach_file_request>(R"({"vector_store_id":"vs","file_id":"f","attributes":{}})")},
      {"list_store_files_request",
       plain<list_store_files_request>(
           R"({"vector_store_id":"vs","limit":7,"order":"asc","after":"a","before":"b",
             "filter":"failed"})")},
      {"search_request",
       plain<search_request>(
           R"({"vector_store_id":"vs","query":"x","max_num_results":3,"ranking_options":{},
             "filters":{"type":"eq","key":"k","value":1},"rewrite_query":true})")},
      {"log_input",
       {R"({"level":"info","service":"s","message":"m","attributes":{},
                         "time":"2026-01-31T12:00:00Z"})",
        &ask_record, "records[0]."}},
      {"patch_log_request", plain<patch_log_request>(R"({"id":"log_1","attributes":{}})")},
      {"list_logs_request",
       plain<list_logs_request>(
           R"({"level":"info","service":"s","q":"x","since":"2026-01-31T12:00:00Z",
             "until":"2026-01-31T12:00:00Z","limit":7,"cursor":"c","user":"u"})")},
  };
  return all;
}

/// Requests whose fields are all of the path, and two that no client sends in this form.
const std::set<std::string> without_body{
    "revoke_key_request",          "models_request",         "resume_chat_request",
    "stop_chat_request",           "get_file_request",       "file_content_request",
    "delete_file_request",         "get_store_request",      "delete_store_request",
    "get_store_file_request",      "detach_file_request",    "chat_request",
    "append_logs_request",         "revoke_session_request", "get_user_request",
    "delete_user_request",         "end_sessions_request",   "get_organization_request",
    "delete_organization_request", "list_members_request",   "remove_member_request"};

std::string with_field(const subject& of, const std::string& field, const char* value) {
  auto body = boost::json::parse(of.good).as_object();
  EXPECT_TRUE(body.contains(field)) << "the body that passes lacks " << field;
  if (value)
    body[field] = boost::json::parse(value);
  else
    body.erase(field);
  return boost::json::serialize(body);
}

TEST(schema, every_public_request_has_a_body_that_passes) {
#define TROUPE_CHECK(service_, name_, request_, delta_, reply_, class_)             \
  EXPECT_TRUE(subjects().contains(#request_) || without_body.contains(#request_) || \
              schema_named(#request_).fields.empty())                               \
      << #request_;
  TROUPE_PUBLIC_METHODS(TROUPE_CHECK)
#undef TROUPE_CHECK
  for (const auto& [name, of] : subjects()) {
    const auto out = of.ask(of.good);
    EXPECT_TRUE(out) << name << ": " << out.error().message;
  }
}

TEST(schema, a_required_field_is_missed_by_its_name) {
  int seen = 0;
  for (const auto& [name, of] : subjects()) {
    for (const auto& field : schema_named(name).fields) {
      if (!field.required) continue;
      ++seen;
      for (const char* value : {static_cast<const char*>(nullptr), "null"}) {
        const auto out = of.ask(with_field(of, field.name, value));
        ASSERT_FALSE(out) << name << " passes without " << field.name;
        EXPECT_EQ(out.error().code, errc::invalid_argument);
        EXPECT_EQ(out.error().param, of.before + field.name) << name;
        EXPECT_TRUE(out.error().message.ends_with("is required")) << out.error().message;
      }
    }
  }
  EXPECT_GE(seen, 18);
}

TEST(schema, a_field_that_is_not_required_may_be_absent) {
  for (const auto& [name, of] : subjects()) {
    for (const auto& field : schema_named(name).fields) {
      if (field.required || field.internal) continue;
      for (const char* value : {static_cast<const char*>(nullptr), "null"}) {
        const auto out = of.ask(with_field(of, field.name, value));
        EXPECT_TRUE(out) << name << " without " << field.name << ": " << out.error().message;
      }
    }
  }
}

template <class T>
void expect_written_fields(const std::string& name) {
  if constexpr (!is_request<T>) {
    std::set<std::string> written, required;
    const auto fresh = boost::json::parse(json::encode(T{}));
    for (const auto& member : fresh.as_object()) written.insert(std::string(member.key()));
    for (const auto& field : schema_named(name).fields)
      if (field.required) required.insert(field.name);
    EXPECT_EQ(written, required) << name;
  }
}

TEST(schema, of_a_reply_all_is_required_that_its_writer_always_writes){
#define TROUPE_CHECK(T) expect_written_fields<T>(#T);
    TROUPE_MESSAGES(TROUPE_CHECK)
#undef TROUPE_CHECK
}

TEST(schema, every_message_has_an_object_schema_that_is_json) {
  std::size_t count = 0;
  for (const auto& message : json::message_schemas()) {
    const auto text = json::object_schema(message);
    ASSERT_TRUE(check_json(text)) << text;
    EXPECT_EQ(boost::json::parse(text).at("type"), "object");
    ++count;
  }
  for (const auto& [name, text] : json::answer_schemas()) EXPECT_TRUE(check_json(text)) << name;
#define TROUPE_COUNT(T) --count;
  TROUPE_MESSAGES(TROUPE_COUNT)
#undef TROUPE_COUNT
  EXPECT_EQ(count, 0u);
}

/// The schema of one field.
std::string field(std::string_view message, std::string_view name) {
  for (const auto& one : schema_named(message).fields)
    if (one.name == name) return one.schema;
  return {};
}

TEST(schema, fields_carry_their_type_bounds_words_default_and_text) {
  EXPECT_EQ(field("list_logs_request", "level"),
            R"({"type":"string","enum":["debug","info","warn","error","fatal"]})");
  EXPECT_EQ(field("list_stores_request", "limit"),
            R"({"type":"integer","minimum":1,"maximum":100,"default":20,)"
            R"("description":"At most this many in one page."})");
  EXPECT_EQ(field("list_stores_request", "order"),
            R"({"type":"string","enum":["asc","desc"],"default":"desc",)"
            R"("description":"By time of creation."})");
  EXPECT_EQ(field("file_list", "first_id"), R"({"type":["string","null"]})");
  EXPECT_EQ(field("file_list", "object"), R"({"type":"string","const":"list"})");
  EXPECT_EQ(field("store_file_view", "last_error"),
            R"({"anyOf":[{"$ref":"#/components/schemas/file_error"},{"type":"null"}]})");
  EXPECT_EQ(field("chat_completion_body", "messages"),
            R"({"type":"array","items":{"$ref":"#/components/schemas/chat_message"},)"
            R"("minItems":1})");
  EXPECT_EQ(field("register_request", "password"),
            R"({"type":"string","format":"password","minLength":2,"maxLength":1024,)"
            R"("description":"8 to 1024 bytes of UTF-8."})");
  EXPECT_EQ(field("store_view", "metadata"), R"({"type":"object"})");
  EXPECT_EQ(field("log_input", "time"),
            R"({"type":"string","format":"date-time","description":"Absent: now."})");
  EXPECT_EQ(field("chat_request", "body"), "{}");
}

TEST(schema, what_is_internal_is_no_part_of_the_object) {
  const auto text = json::object_schema(schema_named("embeddings_request"));
  EXPECT_EQ(text.find("\"body\""), std::string::npos) << text;
  EXPECT_NE(text.find(R"("required":["model","input"])"), std::string::npos) << text;
}

} // namespace
} // namespace troupe
