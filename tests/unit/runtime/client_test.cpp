// Goal: the commands' HTTP client says what went wrong, asks a busy server again, and streams.
// Method: a fake server on loopback, and a port where nobody listens.
#include "runtime/cli/api_client.hpp"
#include "runtime/cli/chat.hpp"
#include "runtime/cli/key.hpp"
#include "tests/unit/runtime/fake_server.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <mutex>

namespace troupe::cli {
namespace {

using test::fake_request;
using test::fake_response;
using test::fake_server;

access to(const std::string& url) {
  return {url, "tr-test"};
}

TEST(client, nobody_there_is_told_with_the_address_and_a_hint) {
  const std::string url = test::unused_url();
  auto asked = api_client(to(url)).list_stores();
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::unavailable);
  EXPECT_TRUE(
      asked.error().message.starts_with("cannot reach " + url + ": is \"troupe serve\" running? ("))
      << asked.error().message;
}

TEST(client, a_broken_connection_and_a_foreign_server_are_told_apart) {
  const fake_server closing([](const fake_request&) { return fake_response{.hang_up = true}; });
  auto broken = api_client(to(closing.url())).list_stores();
  ASSERT_FALSE(broken);
  EXPECT_TRUE(
      broken.error().message.starts_with("the connection to " + closing.url() + " broke off"))
      << broken.error().message;
  const fake_server foreign([](const fake_request&) { return fake_response{.body = "<html>"}; });
  auto odd = api_client(to(foreign.url())).list_stores();
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().message, "the server's answer is no JSON object: is this a troupe server?");
}

TEST(client, the_servers_own_message_reaches_the_user) {
  const fake_server server([](const fake_request& r) {
    EXPECT_EQ(r.headers.at("authorization"), "Bearer tr-test");
    return fake_response{401, R"({"error":{"message":"no such key","type":"x"}})"};
  });
  auto asked = api_client(to(server.url())).list_keys({});
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::unauthenticated);
  EXPECT_EQ(asked.error().message, "no such key (check --key, TROUPE_API_KEY or --data)");
}

TEST(client, a_busy_server_is_asked_again) {
  std::atomic<int> asked = 0;
  const fake_server server([&](const fake_request&) {
    if (++asked < 3)
      return fake_response{asked == 1 ? 429 : 503, R"({"error":{"message":"busy"}})"};
    return fake_response{200, R"({"id":"vs_1","name":"docs","file_counts":{"completed":2}})"};
  });
  auto store = api_client(to(server.url())).get_store("vs_1");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(store->completed, 2);
}

TEST(client, all_pages_of_a_list_are_read) {
  const fake_server server([](const fake_request& r) {
    const bool first = !r.path.contains("after=");
    EXPECT_TRUE(first || r.path.ends_with("&after=vs_2")) << r.path;
    return fake_response{
        200, first
                 ? R"({"data":[{"id":"vs_1","name":"a"},{"id":"vs_2","name":"b"}],"has_more":true})"
                 : R"({"data":[{"id":"vs_3","name":"b"}],"has_more":false})"};
  });
  api_client api(to(server.url()));
  EXPECT_EQ(api.list_stores()->size(), 3u);
  EXPECT_EQ(api.find_store("a")->id, "vs_1");
  EXPECT_EQ(api.find_store("vs_3")->name, "b");
  EXPECT_EQ(api.find_store("c").error().code, errc::not_found);
  EXPECT_EQ(api.find_store("b").error().message,
            "2 vector stores are named b: name one by its id (vs_2, vs_3)");
}

TEST(client, an_upload_is_multipart_with_purpose_name_and_content) {
  const test::scratch_folder folder;
  const auto file = folder.write("guide.md", "# Guide\n");
  fake_request seen;
  const fake_server server([&](const fake_request& r) {
    seen = r;
    return fake_response{200, R"({"id":"file-1","filename":"sub/guide.md","sha256":"ab"})"};
  });
  auto done = api_client(to(server.url())).upload(file, "sub/guide.md");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->sha256, "ab");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_TRUE(seen.headers["content-type"].starts_with("multipart/form-data; boundary="));
  EXPECT_TRUE(seen.body.contains("name=\"purpose\"\r\n\r\nassistants\r\n"));
  EXPECT_TRUE(seen.body.contains("name=\"file\"; filename=\"sub/guide.md\"\r\n"));
  EXPECT_TRUE(seen.body.contains("Content-Type: text/markdown\r\n\r\n# Guide\n"));
  seen = {};
  auto missing = api_client(to(server.url())).upload(folder.path() / "missing.md", "x");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().message.starts_with("the file cannot be read"))
      << missing.error().message;
  EXPECT_EQ(seen.method, "") << "nothing is sent";
}

/// What `troupe chat` prints on stdout and stderr.
struct printed {
  int code;
  std::string out, err;
};

printed chat(const fake_server& server, chat_options options) {
  options.access = {.url = server.url(), .key = "tr-test", .data = {}};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_chat(options, {});
  std::string out = testing::internal::GetCapturedStdout();
  return {code, std::move(out), testing::internal::GetCapturedStderr()};
}

TEST(chat_command, prints_the_tokens_and_then_the_citations) {
  std::string body;
  const fake_server server([&](const fake_request& r) {
    if (r.method == "GET") {
      return fake_response{200, R"({"data":[{"id":"vs_1","name":"docs"}],"has_more":false})"};
    }
    body = r.body;
    return fake_response{200,
                         "event: token\ndata: {\"text\":\"In \\u001bdata\"}\n\n: \n\n"
                         "event: token\ndata: {\"text\":\" it lies.\"}\n\n"
                         "event: citation\ndata: {\"file_id\":\"f\",\"filename\":\"a.md\","
                         "\"quote\":\"It lies in data.\",\"score\":0.5}\n\n"
                         "event: done\ndata: {\"conversation_id\":\"conv_1\"}\n\n",
                         "Content-Type: text/event-stream\r\n"};
  });
  const auto got =
      chat(server, {.access = {}, .model = "extract", .stores = {"docs"}, .message = "Where?"});
  EXPECT_EQ(got.code, 0) << got.err;
  EXPECT_EQ(got.out, "In data it lies.\n  [1] a.md: “It lies in data.”\n");
  EXPECT_EQ(body, R"({"message":"Where?","model":"extract","vector_store_ids":["vs_1"]})");
}

TEST(chat_command, an_error_event_or_a_cut_stream_is_a_failure) {
  std::string stream = "event: error\ndata: {\"error\":{\"message\":\"provider broke off\"}}\n\n";
  const fake_server server([&](const fake_request&) { return fake_response{200, stream}; });
  auto got = chat(server, {.access = {}, .model = {}, .stores = {}, .message = "x"});
  EXPECT_EQ(got.code, 1);
  EXPECT_EQ(got.err, "troupe chat: provider broke off\n");
  stream = "event: token\ndata: {\"text\":\"half\"}\n\n";
  got = chat(server, {.access = {}, .model = {}, .stores = {}, .message = "x"});
  EXPECT_EQ(got.code, 1);
  EXPECT_EQ(got.out, "half\n");
  EXPECT_EQ(got.err, "troupe chat: the answer broke off\n");
}

TEST(chat_command, a_refusal_before_the_stream_keeps_its_message) {
  const fake_server server([](const fake_request&) {
    return fake_response{404, R"({"error":{"message":"no model named x"}})"};
  });
  const auto got = chat(server, {.access = {}, .model = "x", .stores = {}, .message = "x"});
  EXPECT_EQ(got.code, 1);
  EXPECT_EQ(got.err, "troupe chat: no model named x\n");
}

TEST(key_command, a_new_key_is_alone_on_stdout) {
  const fake_server server([](const fake_request& r) {
    EXPECT_EQ(r.body, R"({"name":"laptop"})");
    return fake_response{201, R"({"id":"key_1","name":"laptop","hint":"tr-ab","key":"tr-abc"})"};
  });
  key_options options{
      .access = {.url = server.url(), .key = "k", .data = {}}, .name = "laptop", .id = {}};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_key_create(options, {}), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "tr-abc\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "created key_1 (laptop); the key is not shown again\n");
}

} // namespace
} // namespace troupe::cli
