// Goal: a tap shows what a body is made of, and no secret. Method: bodies of the program's own
// messages, and hostile bytes.
#include "broker/body_shape.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/message_list.hpp"

#include <gtest/gtest.h>

namespace troupe::wire {
namespace {

login_request login() {
  login_request in;
  in.email = "ada@example.org";
  in.password.value = "hunter2 hunter2";
  return in;
}

TEST(body_shape, a_shape_has_names_lengths_and_numbers_and_no_text) {
  reserve_request in;
  in.id = "0192";
  in.tokens = 300;
  in.address = "203.0.113.9";
  const auto text = body_text(msgpack_codec::encode(in), body_detail::shape);
  EXPECT_TRUE(text.contains(R"("id":"<4>")")) << text;
  EXPECT_TRUE(text.contains(R"("tokens":300)")) << text;
  EXPECT_TRUE(text.contains(R"("address":"<11>")")) << text;
  EXPECT_FALSE(text.contains("203")) << text;
  EXPECT_TRUE(text.starts_with('{') && text.ends_with('}')) << text;
}

TEST(body_shape, plain_bodies_keep_their_texts_but_no_secrets) {
  const auto text = body_text(msgpack_codec::encode(login()), body_detail::plain);
  EXPECT_TRUE(text.contains("ada@example.org")) << text;
  EXPECT_FALSE(text.contains("hunter2")) << text;
  session_reply session;
  session.access_token = "eyJhbGciOiJFZERTQSJ9.e30.c2ln";
  session.refresh_token = "not-of-any-known-form";
  const auto reply = body_text(msgpack_codec::encode(session), body_detail::plain);
  EXPECT_FALSE(reply.contains("eyJ")) << reply;
  EXPECT_FALSE(reply.contains("not-of-any")) << reply;
  api_key_view key;
  key.key = "tr-0123456789abcdef";
  EXPECT_FALSE(body_text(msgpack_codec::encode(key), body_detail::plain).contains("tr-0123"));
}

TEST(body_shape, secrets_inside_of_texts_are_blotted_out) {
  EXPECT_EQ(blotted("my key is sk-abcdefgh12345678, ok"), "my key is …, ok");
  EXPECT_EQ(blotted("Authorization: Bearer abc.def"), "Authorization: …");
  EXPECT_EQ(blotted(R"({"password" : "a \" b", "model":"gpt"})"),
            R"({"password" : "…", "model":"gpt"})");
  EXPECT_EQ(blotted(R"({"messages":[{"content":"the desk-top eyJ"}]})"),
            R"({"messages":[{"content":"the desk-top eyJ"}]})")
      << "words that only begin so stay";
  EXPECT_EQ(blotted("https://x.example/verify?type=signup&token=123456&redirect_to=y"),
            "https://x.example/verify?type=signup&token=…&redirect_to=y");
  EXPECT_EQ(blotted("code=1 <a href='?token_hash=2'>"), "code=… <a href='?token_hash=…'>");
  EXPECT_EQ(blotted(R"({"token":)"), R"({"token":)");
  EXPECT_EQ(blotted(R"({"otp": 123456, "n":7})"), R"({"otp": …, "n":7})");
  EXPECT_EQ(blotted(R"({"max_tokens":1000})"), R"({"max_tokens":1000})");
  EXPECT_EQ(blotted(R"({"code":1)"), R"({"code":…)");
  EXPECT_EQ(blotted("{\"a_very_long_name_of_somebodys_password_number_two\":\"x\"}"),
            "{\"a_very_long_name_of_somebodys_password_number_two\":\"…\"}");
  EXPECT_EQ(blotted(R"({"token":"cut of)"), R"({"token":"…)");
  EXPECT_EQ(blotted(""), "");
}

TEST(body_shape, what_lies_below_a_secret_name_is_secret_too) {
  const std::string body = "\x81\xA6secret\x92\xA3one\x81\xA1x\xA3two";
  EXPECT_EQ(body_text(body, body_detail::plain), R"({"secret":["<3>",{"x":"<3>"}]})");
  EXPECT_EQ(body_text("\x81\xA3otp\x07", body_detail::shape), R"({"otp":"…"})");
  const std::string after = "\x82\xA5token\xA3one\xA1x\xA3two";
  EXPECT_EQ(body_text(after, body_detail::plain), R"({"token":"<3>","x":"two"})");
}

TEST(body_shape, of_a_secret_name_no_value_is_shown_whatever_it_is) {
  for (const auto detail : {body_detail::shape, body_detail::plain}) {
    EXPECT_EQ(body_text("\x81\xA8password\x01", detail), R"({"password":"…"})");
    EXPECT_EQ(body_text("\x81\xA8password\xFF", detail), R"({"password":"…"})") << "negative";
    EXPECT_EQ(body_text("\x81\xA8password\xC3", detail), R"({"password":"…"})") << "a flag";
    EXPECT_EQ(body_text("\x81\xA8password\xC0", detail), R"({"password":"…"})") << "nothing";
    EXPECT_EQ(body_text(std::string("\x81\xA8password\xCA\x3F\x80\0\0", 15), detail),
              R"({"password":"…"})")
        << "a fraction";
    EXPECT_EQ(body_text("\x81\xA5token\x92\x07\xA1\x61", detail), R"({"token":["…","<1>"]})");
    EXPECT_EQ(body_text("\x81\xA6secret\x81\xA1x\x81\xA1y\x05", detail),
              R"({"secret":{"x":{"y":"…"}}})");
    EXPECT_EQ(body_text("\x82\xA6secret\x81\xA1x\x05\xA1n\x06", detail),
              R"({"secret":{"x":"…"},"n":6})")
        << "and what comes after it is";
    EXPECT_EQ(body_text("\x81\xA6tokens\x07", detail), R"({"tokens":7})") << "a count";
    EXPECT_EQ(body_text("\x81\xA6tokens\x91\x07", detail), R"({"tokens":["…"]})") << "none";
  }
}

TEST(body_shape, of_a_secret_name_in_a_json_text_no_value_is_shown_whatever_it_is) {
  EXPECT_EQ(blotted(R"({"password":1,"n":2})"), R"({"password":…,"n":2})");
  EXPECT_EQ(blotted(R"({"password":-1.5e3})"), R"({"password":…})");
  EXPECT_EQ(blotted(R"({"password": true, "n":null})"), R"({"password": …, "n":null})");
  EXPECT_EQ(blotted(R"({"token":["a",["b]"]],"n":[1]})"), R"({"token":…,"n":[1]})");
  EXPECT_EQ(blotted(R"({"secret":{"x":"}y","z":{}},"n":{"m":1}})"), R"({"secret":…,"n":{"m":1}})");
  EXPECT_EQ(blotted(R"({"secret":{"x":"y")"), R"({"secret":…)") << "cut off";
  EXPECT_EQ(blotted(R"({"token":["a)"), R"({"token":…)");
  EXPECT_EQ(blotted(R"({"pass\u0077ord":"x"})"), R"({"pass\u0077ord":"…"})");
  EXPECT_EQ(blotted(R"({"max_tokens":1000,"tokens":["a"]})"), R"({"max_tokens":1000,"tokens":…})");
  EXPECT_EQ(blotted(R"({"token_of_tokens":1000})"), R"({"token_of_tokens":…})");
  EXPECT_EQ(blotted(R"(a "password" is: long)"), R"(a "password" is: long)");
}

/// The text as a JSON string, so often.
std::string nested(std::string text, int times) {
  for (; times > 0; --times) {
    std::string out = "{\"body\":\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    text = out + "\"}";
  }
  return text;
}

TEST(body_shape, a_json_text_within_a_json_text_is_looked_into) {
  EXPECT_EQ(blotted(R"({"body":"{\"password\":\"x\"}","n":1})"),
            R"({"body":"{\"password\":\"…\"}","n":1})");
  EXPECT_EQ(blotted(R"({"body":"{\"password\":7}"})"), R"({"body":"{\"password\":…}"})");
  EXPECT_EQ(blotted(R"({"body":"{\"token\":[\"a\"]}"})"), R"({"body":"{\"token\":…}"})");
  EXPECT_EQ(blotted(R"(["{\"secret\":{\"x\":\"y\"}}"])"), R"(["{\"secret\":…}"])");
  EXPECT_EQ(blotted(R"({"body":"{\"password\":\"cut of)"), R"({"body":"{\"password\":\"…)");
  EXPECT_EQ(blotted(R"({"body":"she said \"no\" \n"})"), R"({"body":"she said \"no\" \n"})")
      << "what hides nothing stays as it is";
  EXPECT_EQ(blotted(R"({"body":"{\u0022password\u0022:\u0022x\u0022}"})"),
            R"({"body":"{\"password\":\"…\"}"})");
  for (int times = 0; times < 8; ++times) {
    const auto text = nested(R"({"password":"hunter2","n":1})", times);
    EXPECT_FALSE(blotted(text).contains("hunter2")) << times;
    EXPECT_EQ(blotted(text).contains("password"), times <= 4) << times << blotted(text);
  }
  const auto long_one = nested(R"({"x":")" + std::string(shown_body_bytes, 'a') + "\"}", 1);
  EXPECT_EQ(blotted(long_one), "{\"body\":\"…\"}");
  const std::string text = R"({"b":"{\"password\":\"x\"}"})";
  const auto body = "\x81\xA1t" + std::string(1, static_cast<char>(0xA0 + text.size())) + text;
  EXPECT_TRUE(body_text(body, body_detail::plain).contains("password"));
  EXPECT_FALSE(body_text(body, body_detail::plain).contains('x'));
}

TEST(body_shape, names_that_are_clients_words_are_measured) {
  EXPECT_EQ(body_text("\x81\xA8my words\x01", body_detail::shape), R"({"<8>":1})");
}

TEST(body_shape, what_is_long_or_no_message_pack_is_only_measured) {
  EXPECT_EQ(body_text(std::string(shown_body_bytes + 1, '\x01'), body_detail::plain),
            "<4097 bytes>");
  EXPECT_EQ(body_text("\x81", body_detail::plain), "<1 bytes>");
  EXPECT_EQ(body_text("\x01\x01", body_detail::plain), "<2 bytes>");
  EXPECT_EQ(body_text(std::string(1000, '\x91'), body_detail::plain), "<1000 bytes>");
  EXPECT_EQ(body_text("", body_detail::plain), "");
}

} // namespace
} // namespace troupe::wire
