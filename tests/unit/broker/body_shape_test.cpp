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
