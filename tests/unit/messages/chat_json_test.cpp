// Goal: what Troupe reads and changes in the free-form JSON of chats, and nothing else, changes.
// Method: small bodies in, exact text or facts out.
#include "messages/codec/chat_json.hpp"
#include "messages/codec/json_text.hpp"

#include <gtest/gtest.h>

namespace troupe::chat_json {
namespace {

json_text raw(std::string text) {
  return {std::move(text)};
}

TEST(chat_json, turns_are_read_from_strings_and_parts) {
  const auto turns = turns_of(raw(R"({"model":"m","messages":[
    {"role":"system","content":"be \"brief\""},
    {"role":"user","content":[{"type":"text","text":"one "},{"type":"image_url","image_url":{"url":"x"}},
                              {"type":"text","text":"two"}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]})"));
  ASSERT_TRUE(turns);
  ASSERT_EQ(turns->size(), 3u);
  EXPECT_EQ((*turns)[0].role, "system");
  EXPECT_EQ((*turns)[0].text, "be \"brief\"");
  EXPECT_EQ((*turns)[1].text, "one two");
  EXPECT_EQ((*turns)[2].text, "");
}

TEST(chat_json, a_turn_of_the_wrong_shape_names_its_field) {
  const auto param = [](std::string text) { return turns_of(raw(std::move(text))).error().param; };
  EXPECT_EQ(param("{}"), "messages");
  EXPECT_EQ(param(R"({"messages":1})"), "messages");
  EXPECT_EQ(param(R"({"messages":[1]})"), "messages[0]");
  EXPECT_EQ(param(R"({"messages":[{"role":1}]})"), "messages[0].role");
  EXPECT_EQ(param(R"({"messages":[{"role":"user","content":"x"},{"role":"user","content":{}}]})"),
            "messages[1].content");
}

TEST(chat_json, context_goes_before_the_last_user_message_and_the_rest_stays) {
  const auto out = with_context(
      raw(R"({"model":"m", "retrieval":{"vector_store_ids":["v"]}, "temperature":0.70, "messages":[)"
          R"({"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},)"
          R"({"role":"tool","content":"d"}],"logit_bias":{"50256":-100}})"),
      "find \"it\"");
  EXPECT_EQ(out.raw,
            R"({"model":"m","temperature":0.70,"messages":[{"role":"user","content":"a"},)"
            R"({"role":"assistant","content":"b"},{"role":"system","content":"find \"it\""},)"
            R"({"role":"user","content":"c"},{"role":"tool","content":"d"}],)"
            R"("logit_bias":{"50256":-100}})");
}

TEST(chat_json, without_context_only_retrieval_goes) {
  EXPECT_EQ(with_context(raw(R"({"retrieval":{},"model":"m","messages":[ 1 ]})"), "").raw,
            R"({"model":"m","messages":[ 1 ]})");
  EXPECT_EQ(with_context(raw(R"({"model":"m"})"), "").raw, R"({"model":"m"})");
}

TEST(chat_json, context_without_a_user_message_comes_last) {
  EXPECT_EQ(with_context(raw(R"({"messages":[{"role":"system","content":"s"}]})"), "c").raw,
            R"({"messages":[{"role":"system","content":"s"},{"role":"system","content":"c"}]})");
  EXPECT_EQ(with_context(raw(R"({"messages":[]})"), "c").raw,
            R"({"messages":[{"role":"system","content":"c"}]})");
}

TEST(chat_json, a_fresh_body_is_model_messages_stream) {
  EXPECT_EQ(make_body("m\"", {{"user", "hi\n"}, {"assistant", "yes"}}, true).raw,
            R"({"model":"m\"","messages":[{"role":"user","content":"hi\n"},)"
            R"({"role":"assistant","content":"yes"}],"stream":true})");
  EXPECT_EQ(make_body("m", {}, false).raw, R"({"model":"m","messages":[],"stream":false})");
}

TEST(chat_json, strings_come_alone_or_in_an_array) {
  EXPECT_EQ(*strings_of(raw(R"("a\tb")"), "input"), std::vector<std::string>{"a\tb"});
  EXPECT_EQ(*strings_of(raw(R"(["a", "b"])"), "input"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(strings_of(raw("[]"), "input")->empty());
  EXPECT_EQ(strings_of(raw(""), "input").error().message, "input: is required");
  EXPECT_EQ(strings_of(raw("[\"a\",1]"), "input").error().param, "input[1]");
  EXPECT_EQ(strings_of(raw("{}"), "query").error().param, "query");
}

TEST(chat_json, a_merge_patch_is_that_of_rfc_7396) {
  // The cases of the RFC's appendix whose patch is an object.
  const std::vector<std::array<const char*, 3>> cases{
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {R"({"a\u0062":1})", R"({"ab":null,"x":1.50})", R"({"x":1.50})"},
      {"", R"({"a":1})", R"({"a":1})"},
      {R"({"a":1})", "", R"({"a":1})"},
  };
  for (const auto& [target, patch, expected] : cases) {
    const auto out = merge_patch(raw(target), raw(patch));
    ASSERT_TRUE(out) << patch;
    EXPECT_EQ(out->raw, expected) << target << " with " << patch;
  }
  for (const char* patch : {"[]", "1", "null", "\"x\""}) {
    EXPECT_EQ(merge_patch(raw("{}"), raw(patch)).error().code, errc::invalid_argument) << patch;
  }
}

TEST(chat_json, merging_large_objects_takes_linear_time) {
  std::string target = "{", patch = "{";
  for (int i = 0; i < 50000; ++i) {
    target += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    patch += (i ? ",\"k" : "\"k") + std::to_string(i + 25000) + "\":2";
  }
  const auto out = merge_patch(raw(target + "}"), raw(patch + "}"));
  ASSERT_TRUE(out);
  EXPECT_EQ(number_field(*out, "k0"), 1);
  EXPECT_EQ(number_field(*out, "k25000"), 2);
  EXPECT_EQ(number_field(*out, "k74999"), 2);
}

TEST(chat_json, fields_are_read_by_name_and_type) {
  const auto object = raw(R"({"s":"a\"b","n":0.5,"x":null,"s2":"1","n":2})");
  EXPECT_EQ(string_field(object, "s"), "a\"b");
  EXPECT_EQ(string_field(object, "n"), std::nullopt);
  EXPECT_EQ(string_field(object, "x"), std::nullopt);
  EXPECT_EQ(number_field(object, "n"), 2);
  EXPECT_EQ(number_field(object, "s2"), std::nullopt);
  EXPECT_EQ(number_field(raw(""), "n"), std::nullopt);
  EXPECT_EQ(string_field(raw("[]"), "n"), std::nullopt);
}

TEST(chat_json, an_object_is_built_from_strings_and_integers) {
  EXPECT_EQ(object_builder().build().raw, "{}");
  EXPECT_EQ(object_builder().add("a", "x\"").add("b", std::int64_t{-3}).build().raw,
            R"({"a":"x\"","b":-3})");
}

TEST(chat_json, tokens_are_estimated_from_bytes) {
  EXPECT_EQ(estimate_tokens(""), 0);
  EXPECT_EQ(estimate_tokens("a"), 1);
  EXPECT_EQ(estimate_tokens(std::string(400, 'x')), 100);
}

TEST(json_text, kinds_are_told_by_the_first_character) {
  EXPECT_EQ(kind_of(raw("")), json_kind::absent);
  EXPECT_EQ(kind_of(raw(" {}")), json_kind::object);
  EXPECT_EQ(kind_of(raw("[1]")), json_kind::array);
  EXPECT_EQ(kind_of(raw("\"\"")), json_kind::string);
  EXPECT_EQ(kind_of(raw("false")), json_kind::boolean);
  EXPECT_EQ(kind_of(raw("null")), json_kind::null);
  EXPECT_EQ(kind_of(raw("-1")), json_kind::number);
  EXPECT_EQ(count_elements(raw("[1,[2,3],{\"a\":[]}]")), 3u);
  EXPECT_EQ(count_elements(raw("[ ]")), 0u);
  EXPECT_EQ(count_elements(raw("{}")), 0u);
  EXPECT_TRUE(holds_strings(raw("[\"a\",1]")));
  EXPECT_FALSE(holds_strings(raw("[1]")));
  EXPECT_FALSE(holds_strings(raw("[]")));
}

} // namespace
} // namespace troupe::chat_json
