// Goal: JSON in is checked with an error that names the field, JSON out is always valid.
// Method: small texts per rule; JSONTestSuite's files where they are there (TROUPE_SHARED).
#include "messages/codec/json.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/message_list.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

namespace troupe {
namespace {

/// The error of a text that must be refused.
template <class T>
error refused(std::string_view text) {
  const auto out = json::decode<T>(text);
  EXPECT_FALSE(out) << text;
  if (out) return {};
  EXPECT_EQ(out.error().code, errc::invalid_argument);
  return out.error();
}

template <class T>
void expect_refused(std::string_view text, std::string_view param, std::string_view message) {
  const error why = refused<T>(text);
  EXPECT_EQ(why.param, param) << text;
  EXPECT_EQ(why.message, message) << text;
}

TEST(json, an_error_names_the_path_of_the_field) {
  expect_refused<chat_completion_body>(R"({"messages":[{"role":1}]})", "messages[0].role",
                                       "messages[0].role: expected a string, got a number");
  expect_refused<chat_completion_body>(R"({"messages":"hi"})", "messages",
                                       "messages: expected an array, got a string");
  expect_refused<chat_completion_body>(R"({"messages":[{"role":"user"},[]]})", "messages[1]",
                                       "messages[1]: expected an object, got an array");
  expect_refused<chat_completion_body>(R"({"temperature":"hot"})", "temperature",
                                       "temperature: expected a number, got a string");
  expect_refused<chat_completion_body>(
      R"({"stream_options":{"include_usage":"yes"}})", "stream_options.include_usage",
      "stream_options.include_usage: expected a boolean, got a string");
  expect_refused<chat_completion_body>(
      R"({"retrieval":{"vector_store_ids":["a",null]}})", "retrieval.vector_store_ids[1]",
      "retrieval.vector_store_ids[1]: expected a string, got null");
}

TEST(json, a_body_that_is_no_object_is_an_error_without_a_param) {
  expect_refused<login_request>("[]", "", "expected an object, got an array");
  expect_refused<login_request>("null", "", "expected an object, got null");
  expect_refused<login_request>(" 1 ", "", "expected an object, got a number");
}

TEST(json, a_text_that_is_no_json_is_an_error_with_its_byte) {
  for (const char* text :
       {"", " ", "{", R"({"email":})", R"({"email":"x",})", R"({} {})", "{\"a\":\"\xFF\"}",
        R"({"a":"\ud800"})", "{'a':1}", "nul", R"({"a":01})", "\xEF\xBB\xBF{}"}) {
    const error why = refused<login_request>(text);
    EXPECT_EQ(why.param, "") << text;
    EXPECT_NE(why.message.find("not valid JSON at byte "), std::string::npos) << why.message;
  }
  EXPECT_NE(refused<login_request>("{} x").message.find("byte 3"), std::string::npos);
}

TEST(json, nesting_stops_at_the_limit) {
  const auto nested = [](std::size_t depth) {
    return R"({"attributes":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(json::decode<log_input>(nested(limits::json_depth)));
  const error why = refused<log_input>(nested(limits::json_depth + 1));
  EXPECT_NE(why.message.find("levels deep"), std::string::npos) << why.message;
  refused<log_input>(std::string(100000, '['));
}

TEST(json, an_unknown_enumerator_lists_those_that_are_known) {
  expect_refused<log_input>(
      R"({"level":"loud"})", "level",
      "level: unknown value 'loud', expected one of debug, info, warn, error, fatal");
  expect_refused<log_input>(R"({"level":1})", "level", "level: expected a string, got a number");
}

TEST(json, integers_take_whole_numbers_in_their_range_only) {
  EXPECT_EQ(json::decode<list_files_request>(R"({"limit":12})")->limit, 12u);
  EXPECT_EQ(json::decode<list_files_request>(R"({"limit":12.0})")->limit, 12u);
  EXPECT_EQ(json::decode<list_files_request>(R"({"limit":1.2e1})")->limit, 12u);
  EXPECT_EQ(json::decode<list_files_request>(R"({"limit":-0})")->limit, 0u);
  EXPECT_EQ(json::decode<call_id>(R"({"counter":18446744073709551615})")->counter,
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(json::decode<file_view>(R"({"bytes":-9223372036854775808})")->bytes,
            std::numeric_limits<std::int64_t>::min());
  expect_refused<list_files_request>(R"({"limit":1.5})", "limit",
                                     "limit: expected an integer, got a number with a fraction");
  for (const char* number : {"-1", "4294967296", "1e30", "99999999999999999999999", "-1e30"}) {
    expect_refused<list_files_request>(R"({"limit":)" + std::string(number) + "}", "limit",
                                       "limit: expected an integer from 0 to 4294967295");
  }
  for (const char* number : {"9223372036854775808", "9.3e18", "-9223372036854775809"}) {
    EXPECT_EQ(refused<file_view>(R"({"bytes":)" + std::string(number) + "}").param, "bytes");
  }
}

TEST(json, numbers_are_written_so_that_they_read_back_the_same) {
  for (const double value : {0.1, 1.0 / 3, 1e21, 123456789.125, 5e-324, -2.0}) {
    citation in;
    in.score = value;
    EXPECT_EQ(json::decode<citation>(json::encode(in))->score, value);
  }
  citation in;
  in.score = std::numeric_limits<double>::infinity();
  EXPECT_NE(json::encode(in).find(R"("score":null)"), std::string::npos);
  EXPECT_EQ(refused<citation>(R"({"score":1e999})").param, "score");
}

TEST(json, strings_are_escaped_and_unescaped) {
  const auto name = [](std::string_view text) {
    return json::decode<create_organization_request>(text)->name;
  };
  EXPECT_EQ(name(R"({"name":"a\"\\\/\b\f\n\r\tz"})"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(name(R"({"name":"\u0041\u00e9\u20ac\ud83d\ude00"})"),
            "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(name(R"({"n\u0061me":"x"})"), "x");
  EXPECT_EQ(name(std::string("{\"name\":\"\\u0000\"}")), std::string(1, '\0'));
  EXPECT_EQ(json::encode(create_organization_request{std::string("\"\\\n\x02\x1f\x7f\0", 7)}),
            "{\"name\":\"\\\"\\\\\\n\\u0002\\u001f\x7f\\u0000\"}");
}

TEST(json, bytes_that_are_no_utf8_become_replacement_characters) {
  const std::string bad = "\xEF\xBF\xBD";
  const auto written = [](std::string text) {
    return json::encode(create_organization_request{std::move(text)});
  };
  EXPECT_EQ(written("a\xFFz"), "{\"name\":\"a" + bad + "z\"}");
  EXPECT_EQ(written("\xC3"), "{\"name\":\"" + bad + "\"}");
  EXPECT_EQ(written("\xC0\x80"), "{\"name\":\"" + bad + bad + "\"}");
  EXPECT_EQ(written("\xED\xA0\x80"), "{\"name\":\"" + bad + bad + bad + "\"}");
  EXPECT_EQ(written("\xF4\x90\x80\x80"), "{\"name\":\"" + bad + bad + bad + bad + "\"}");
  EXPECT_EQ(written("\xF4\x8F\xBF\xBF"), "{\"name\":\"\xF4\x8F\xBF\xBF\"}");
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::string noise;
    unsigned state = seed * 2654435761u + 1;
    for (int i = 0; i < 24; ++i)
      noise += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    EXPECT_TRUE(check_json(written(noise)));
  }
}

TEST(json, raw_json_keeps_its_exact_source) {
  const auto in = json::decode<chat_message>(
      "{ \"role\" : \"user\" , \"content\" : [ 1.10, 123456789012345678901234567890, \"]\\\"}\" ] "
      "}");
  ASSERT_TRUE(in);
  EXPECT_EQ(in->content.raw, "[ 1.10, 123456789012345678901234567890, \"]\\\"}\" ]");
  EXPECT_EQ(json::encode(*in),
            R"({"role":"user","content":[ 1.10, 123456789012345678901234567890, "]\"}" ]})");
}

TEST(json, bytes_are_base64) {
  EXPECT_EQ(json::encode(file_chunk{{"\xff\x01"}}), R"({"bytes":"/wE="})");
  EXPECT_EQ(json::decode<file_chunk>(R"({"bytes":"/wE="})")->bytes.data, "\xff\x01");
  EXPECT_EQ(json::decode<file_chunk>(R"({"bytes":"/wE"})")->bytes.data, "\xff\x01");
  EXPECT_EQ(json::decode<file_chunk>(R"({"bytes":"Zm9v"})")->bytes.data, "foo");
  for (const char* text : {"A", "A===", "====", "=", "Zm9v=", "Zm 9", "Zm9\\u00e9"}) {
    expect_refused<file_chunk>(R"({"bytes":")" + std::string(text) + "\"}", "bytes",
                               "bytes: expected base64");
  }
}

TEST(json, the_last_of_two_equal_fields_counts) {
  const auto in =
      json::decode<retrieval_options>(R"({"vector_store_ids":["a","b"],"vector_store_ids":["c"]})");
  ASSERT_TRUE(in);
  EXPECT_EQ(in->vector_store_ids, std::vector<std::string>{"c"});
}

TEST(json, an_error_does_not_quote_a_secret) {
  const error why = refused<login_request>(R"({"email":"a@b","password":["hunter2hunter2"]})");
  EXPECT_EQ(why.message.find("hunter2"), std::string::npos);
}

TEST(json, parameters_set_scalar_fields) {
  list_logs_request in;
  const std::vector<json::parameter> good{
      {"level", "warn"}, {"limit", "7"}, {"q", "two words"}, {"unknown", "x"}};
  ASSERT_TRUE(json::set_fields(in, std::span<const json::parameter>(good)));
  EXPECT_EQ(in.level, log_level::warn);
  EXPECT_EQ(in.limit, 7u);
  EXPECT_EQ(in.q, "two words");

  for (const auto& [name, text] : std::vector<json::parameter>{{"limit", "-1"},
                                                               {"limit", "7x"},
                                                               {"limit", ""},
                                                               {"limit", "99999999999"},
                                                               {"level", "loud"}}) {
    const std::vector<json::parameter> bad{{name, text}};
    const auto out = json::set_fields(in, std::span<const json::parameter>(bad));
    ASSERT_FALSE(out) << name << '=' << text;
    EXPECT_EQ(out.error().param, name);
    EXPECT_TRUE(out.error().message.starts_with(name + ": ")) << out.error().message;
  }
  chat_request chat;
  const std::vector<json::parameter> flag{{"stream", "true"}};
  ASSERT_TRUE(json::set_fields(chat, std::span<const json::parameter>(flag)));
  EXPECT_TRUE(chat.stream);
  const std::vector<json::parameter> odd{{"stream", "maybe"}};
  EXPECT_EQ(json::set_fields(chat, std::span<const json::parameter>(odd)).error().message,
            "stream: expected true or false");
}

// ---- JSONTestSuite

std::filesystem::path suite() {
  const char* const shared = std::getenv("TROUPE_SHARED");
  return std::filesystem::path(shared ? shared : TROUPE_SHARED_DEFAULT) /
         "data/vectors/json/test_parsing";
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(json, the_public_test_suite_is_judged_as_it_wants) {
  if (!std::filesystem::exists(suite())) GTEST_SKIP() << "no JSONTestSuite at " << suite();
  int accepted = 0, rejected = 0, either = 0;
  for (const auto& entry : std::filesystem::directory_iterator(suite())) {
    const std::string name = entry.path().filename();
    const std::string text = contents(entry.path());
    const bool good = make_json_text(text).has_value();
    if (name.starts_with("y_")) {
      EXPECT_TRUE(good) << name;
      ++accepted;
    } else if (name.starts_with("n_")) {
      EXPECT_FALSE(good) << name;
      EXPECT_FALSE(json::decode<chat_completion_body>(text)) << name;
      ++rejected;
    } else {
      ++either;
    }
    // As a field, read in place and written again; and through the readers of free-form JSON.
    const std::string wrapped = R"({"role":"user","content":)" + text + "}";
    const auto in = json::decode<chat_message>(wrapped);
    EXPECT_EQ(in.has_value(), check_json(wrapped).has_value()) << name;
    if (in) {
      EXPECT_TRUE(check_json(json::encode(*in))) << name;
    }
    (void)chat_json::turns_of({R"({"messages":[)" + wrapped + "]}"});
    (void)chat_json::read({text});
    (void)chat_json::provider_error(500, text);
  }
  EXPECT_GT(accepted, 50);
  EXPECT_GT(rejected, 100);
  EXPECT_GT(either, 10);
}

TEST(json_text, a_member_is_taken_out_and_put_in_with_its_source_kept) {
  const json_text object{R"( { "a" : 1.50 , "in\u0070ut":[1, 2], "b":{"input":3},"input":null} )"};
  const auto rest = without(object, "input");
  EXPECT_EQ(rest.raw, R"({"a":1.50,"b":{"input":3}})");
  EXPECT_EQ(with_member("input", json_text{"[ 1 ]"}, rest).raw,
            R"({"input":[ 1 ],"a":1.50,"b":{"input":3}})");
  EXPECT_EQ(with_member("input", json_text{"1"}, json_text{"{}"}).raw, R"({"input":1})");
  EXPECT_EQ(with_member("input", json_text{"1"}, json_text{}).raw, R"({"input":1})");
  EXPECT_EQ(without(json_text{"{}"}, "input").raw, "{}");
  EXPECT_EQ(without(json_text{"[1]"}, "input").raw, "[1]");
}

} // namespace
} // namespace troupe
