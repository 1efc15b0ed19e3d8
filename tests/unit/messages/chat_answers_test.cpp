// Goal: answers have OpenAI's shapes to the letter, and what providers answer is read safely.
// Method: exact text out; provider texts in, whole and broken.
#include "messages/codec/chat_json.hpp"
#include "messages/codec/json_text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace troupe::chat_json {
namespace {

const identity who{"chatcmpl-1", "extract", 1700000000};
const std::vector<citation> cited{{"file-1", "a \"b\".md", "the quote", 0.5}};
const std::string cited_json =
    R"({"type":"file_citation","file_citation":{"file_id":"file-1","filename":"a \"b\".md",)"
    R"("quote":"the quote","score":0.5}})";

json_text raw(std::string text) {
  return {std::move(text)};
}

TEST(chat_answers, a_completion_has_every_field_that_clients_read) {
  EXPECT_EQ(
      completion(who, "hi \"you\"", "stop", {3, 2, 5}, cited).raw,
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"extract",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":"hi \"you\"","refusal":null,)"
      R"("annotations":[)" +
          cited_json +
          R"(]},"logprobs":null,"finish_reason":"stop"}],)"
          R"("usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})");
}

TEST(chat_answers, chunks_share_their_identity_and_differ_in_the_delta) {
  const std::string head =
      R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"extract","choices":[)";
  const auto chunk = [&](std::string_view delta, std::string_view reason, std::string_view tail) {
    return head + R"({"index":0,"delta":)" + std::string(delta) +
           R"(,"logprobs":null,"finish_reason":)" + std::string(reason) + "}]" + std::string(tail);
  };
  EXPECT_EQ(role_chunk(who, false).raw,
            chunk(R"({"role":"assistant","content":"","refusal":null})", "null", "}"));
  EXPECT_EQ(text_chunk(who, "a\n", true).raw,
            chunk(R"({"content":"a\n"})", "null", R"(,"usage":null})"));
  EXPECT_EQ(citation_chunk(who, cited, false).raw,
            chunk(R"({"annotations":[)" + cited_json + "]}", "null", "}"));
  EXPECT_EQ(finish_chunk(who, "stop", false).raw, chunk("{}", R"("stop")", "}"));
  EXPECT_EQ(usage_chunk(who, {1, 2, 3}).raw,
            head + R"(],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})");
}

TEST(chat_answers, everything_written_reads_back) {
  const facts text = read(text_chunk(who, "gr\xC3\xBC\xC3\x9F \"dich\"\n", true));
  EXPECT_TRUE(text.valid);
  EXPECT_TRUE(text.has_choices);
  EXPECT_EQ(text.text, "gr\xC3\xBC\xC3\x9F \"dich\"\n");
  EXPECT_EQ(text.id, who.id);
  EXPECT_EQ(text.model, who.model);
  EXPECT_EQ(text.created, who.created);
  EXPECT_EQ(text.usage, std::nullopt);
  EXPECT_EQ(read(finish_chunk(who, "length", false)).finish_reason, "length");
  const facts usage = read(usage_chunk(who, {1, 2, 3}));
  EXPECT_FALSE(usage.has_choices);
  EXPECT_EQ(usage.usage, (token_usage{1, 2, 3}));
  const facts whole = read(completion(who, "all", "stop", {1, 2, 3}, {}));
  EXPECT_EQ(whole.text, "all");
  EXPECT_EQ(whole.finish_reason, "stop");
  EXPECT_EQ(whole.usage, (token_usage{1, 2, 3}));
}

TEST(chat_answers, a_provider_text_that_is_no_object_is_invalid) {
  for (const char* text :
       {"", "[DONE]", "[]", "{", "{\"choices\":[}", "\"x\"", "{\"a\":\"\xFF\"}", "{} {}"}) {
    EXPECT_FALSE(read(raw(text)).valid) << text;
  }
}

TEST(chat_answers, odd_types_in_a_chunk_are_skipped) {
  const facts out = read(
      raw(R"({"id":5,"created":1700000000.25,"choices":[{"delta":{"content":null},)"
          R"("finish_reason":null},{"delta":{"content":"second"}}],"usage":"none","model":null})"));
  EXPECT_TRUE(out.valid);
  EXPECT_TRUE(out.has_choices);
  EXPECT_EQ(out.id, "");
  EXPECT_EQ(out.created, 1700000000);
  EXPECT_EQ(out.text, "");
  EXPECT_EQ(out.finish_reason, "");
  EXPECT_EQ(out.usage, std::nullopt);
  EXPECT_TRUE(read(raw(R"({"choices":{},"usage":{"prompt_tokens":"x"}})")).valid);
  EXPECT_FALSE(read(raw(R"({"choices":[]})")).has_choices);
}

TEST(chat_answers, an_error_in_a_stream_is_seen) {
  const facts object = read(raw(R"({"error":{"message":"no more","type":"server_error"}})"));
  EXPECT_TRUE(object.is_error);
  EXPECT_EQ(object.error_message, "no more");
  const facts string = read(raw(R"({"error":"plain"})"));
  EXPECT_TRUE(string.is_error);
  EXPECT_EQ(string.error_message, "plain");
  EXPECT_FALSE(read(raw(R"({"error":null,"choices":[]})")).is_error);
}

TEST(chat_answers, annotations_join_the_first_choice_only) {
  EXPECT_EQ(
      with_annotations(
          raw(R"({"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"c"},)"
              R"("finish_reason":"stop"},{"message":{"content":"d"}}],"z":1.0})"),
          cited)
          .raw,
      R"({"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"c","annotations":[)" +
          cited_json + R"(]},"finish_reason":"stop"},{"message":{"content":"d"}}],"z":1.0})");
  EXPECT_EQ(
      with_annotations(raw(R"({"choices":[{"message":{"annotations":[ ],"content":"c"}}]})"), cited)
          .raw,
      R"({"choices":[{"message":{"content":"c","annotations":[)" + cited_json + "]}}]}");
  EXPECT_EQ(
      with_annotations(
          raw(R"({"choices":[{"message":{"annotations":[{"type":"url_citation"}]}}]})"), cited)
          .raw,
      R"({"choices":[{"message":{"annotations":[{"type":"url_citation"},)" + cited_json + "]}}]}");
  EXPECT_EQ(with_annotations(raw(R"({"choices":[]})"), cited).raw, R"({"choices":[]})");
  EXPECT_EQ(with_annotations(raw(R"({"choices":[{"message":{}}]})"), {}).raw,
            R"({"choices":[{"message":{}}]})");
}

TEST(chat_answers, events_of_the_chat_stream_route) {
  EXPECT_EQ(token_event("a\"b").raw, R"({"text":"a\"b"})");
  EXPECT_EQ(citation_event(cited[0]).raw,
            R"({"file_id":"file-1","filename":"a \"b\".md","quote":"the quote","score":0.5})");
  EXPECT_EQ(
      done_event("c1", {1, 2, 3}, "stop").raw,
      R"({"conversation_id":"c1","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},)"
      R"("finish_reason":"stop"})");
}

TEST(chat_answers, embeddings_are_floats_or_base64_of_little_endian_floats) {
  EXPECT_EQ(embeddings("local", {{0.5f, -2.0f}, {0.1f}}, false, 7).raw,
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-2]},)"
            R"({"object":"embedding","index":1,"embedding":[0.1]}],"model":"local",)"
            R"("usage":{"prompt_tokens":7,"total_tokens":7}})");
  EXPECT_EQ(
      embeddings("local", {{1.0f, -2.0f}}, true, 1).raw,
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAMA="}],)"
      R"("model":"local","usage":{"prompt_tokens":1,"total_tokens":1}})");
  EXPECT_TRUE(
      check_json(embeddings("m", {{std::numeric_limits<float>::quiet_NaN()}}, false, 0).raw));
}

TEST(chat_answers, a_text_is_quoted_as_json) {
  EXPECT_EQ(quoted("a\"b\n"), R"("a\"b\n")");
  EXPECT_EQ(quoted(""), R"("")");
}

TEST(chat_answers, models_of_a_provider_are_listed) {
  const auto models = models_of(raw(
      R"({"object":"list","data":[{"id":"a","object":"model","created":5,"owned_by":"o"},{"id":"b","x":[1]},{},7]})"));
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ((*models)[0], (model_view{"a", "model", 5, "o"}));
  EXPECT_EQ((*models)[1].id, "b");
  for (const char* text : {"", "no", "{}", R"({"data":{}})", "[]"}) {
    EXPECT_EQ(models_of(raw(text)).error().code, errc::upstream_failed) << text;
  }
}

TEST(chat_answers, an_error_of_a_provider_keeps_its_words_and_status) {
  const error limit = provider_error(
      429,
      R"({"error":{"message":"Slow down","type":"tokens","param":null,"code":"rate_limit_exceeded"}})");
  EXPECT_EQ(limit.code, errc::rate_limited);
  EXPECT_EQ(limit.status, 429);
  EXPECT_EQ(limit.message, "Slow down");
  EXPECT_EQ(limit.reason, "rate_limit_exceeded");
  EXPECT_EQ(limit.param, "");

  const error bad = provider_error(
      400, R"({"error":{"message":"No","type":"invalid_request_error","param":"model"}})");
  EXPECT_EQ(bad.code, errc::invalid_argument);
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.param, "model");
  EXPECT_EQ(bad.reason, "invalid_request_error");
  EXPECT_EQ(provider_error(404, "{}").code, errc::invalid_argument);
  EXPECT_EQ(provider_error(422, "{}").status, 422);

  const error down = provider_error(503, "<html>\n  <b>Service\r\nUnavailable</b>\n</html>");
  EXPECT_EQ(down.code, errc::upstream_failed);
  EXPECT_EQ(down.status, 503);
  EXPECT_EQ(down.message, "<html> <b>Service Unavailable</b> </html>");
  EXPECT_EQ(provider_error(500, R"({"detail":"boom"})").message, "boom");
  EXPECT_EQ(provider_error(500, R"({"error":"short"})").message, "short");
  EXPECT_EQ(provider_error(502, "").message, "the model provider answered with status 502");
  EXPECT_EQ(provider_error(302, "").status, 0);
}

TEST(chat_answers, a_refused_key_of_ours_is_not_the_clients_fault_and_is_not_quoted) {
  for (const int status : {401, 403}) {
    const error out =
        provider_error(status, R"({"error":{"message":"Incorrect API key provided: sk-abcd"}})");
    EXPECT_EQ(out.code, errc::upstream_failed);
    EXPECT_EQ(out.status, 0);
    EXPECT_EQ(out.message.find("sk-"), std::string::npos);
  }
}

TEST(chat_answers, a_long_text_is_cut_between_characters) {
  std::string body;
  for (int i = 0; i < 300; ++i) body += "\xE2\x82\xAC";
  const error out = provider_error(500, body);
  EXPECT_LE(out.message.size(), 204u);
  json_text quoted{R"({"m":")" + out.message + "\"}"};
  EXPECT_TRUE(check_json(quoted.raw)) << out.message;
}

} // namespace
} // namespace troupe::chat_json
