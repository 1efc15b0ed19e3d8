// Goal: `troupe ingest` end to end: a second run sends nothing, a change replaces, a failure is
// listed and the rest goes on. Method: a fake server that keeps stores and files in memory.
#include "runtime/cli/ingest.hpp"
#include "runtime/cli/ingest_plan.hpp"
#include "tests/unit/runtime/fake_server.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <mutex>
#include <set>

namespace troupe::cli {
namespace {

using test::fake_request;
using test::fake_response;

/// Files and one store, as the API shows them. Digests are made with the client's own function:
/// that they are SHA-256 is tested elsewhere.
class fake_api {
public:
  fake_response answer(const fake_request& r) {
    const std::lock_guard lock(mutex_);
    if (r.path == "/v1/vector_stores" && r.method == "POST") return made_store();
    if (r.path.starts_with("/v1/vector_stores?")) return list(store_.empty() ? "" : store_json());
    if (r.path.starts_with("/v1/files?")) return list(files_json());
    if (r.path == "/v1/files") return upload(r.body);
    if (r.method == "DELETE") return remove(r.path.substr(r.path.rfind('/') + 1));
    if (r.path == "/v1/vector_stores/vs_1") return store_answer();
    if (r.path.starts_with("/v1/vector_stores/vs_1/files?")) return list(entries_json());
    if (r.path == "/v1/vector_stores/vs_1/files") return attach(r.body);
    return {404, R"({"error":{"message":"no route"}})"};
  }

  std::set<std::string> refused;     ///< names that the upload refuses
  std::set<std::string> unindexable; ///< names whose indexing fails
  int uploads = 0;

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [id, f] : files_) out.push_back(f.name + (f.attached ? "" : " (loose)"));
    std::ranges::sort(out);
    return out;
  }

private:
  struct file {
    std::string name, sha256, attributes;
    bool attached = false;
    int asked = 0; ///< how often its progress was looked at
  };

  fake_response made_store() {
    store_ = "docs";
    return {200, store_json()};
  }

  std::string store_json() const {
    int waiting = 0, failed = 0, completed = 0;
    for (const auto& [id, f] : files_) {
      if (f.attached) ++(f.asked < 2 ? waiting : unindexable.contains(f.name) ? failed : completed);
    }
    return R"({"id":"vs_1","name":")" + store_ + R"(","file_counts":{"in_progress":)" +
           std::to_string(waiting) + R"(,"failed":)" + std::to_string(failed) + R"(,"completed":)" +
           std::to_string(completed) + "}}";
  }

  fake_response store_answer() {
    for (auto& [id, f] : files_) ++f.asked;
    return {200, store_json()};
  }

  static fake_response list(const std::string& items) {
    return {200, R"({"object":"list","has_more":false,"data":[)" + items + "]}"};
  }

  std::string files_json() const {
    std::string out;
    for (const auto& [id, f] : files_) {
      out += (out.empty() ? "" : ",");
      out +=
          R"({"id":")" + id + R"(","filename":")" + f.name + R"(","sha256":")" + f.sha256 + "\"}";
    }
    return out;
  }

  std::string entries_json() const {
    std::string out;
    for (const auto& [id, f] : files_) {
      if (!f.attached) continue;
      const char* state = unindexable.contains(f.name) ? "failed" : "completed";
      out += (out.empty() ? "" : ",");
      out += R"({"id":")" + id + R"(","status":")" + state + R"(","attributes":)" + f.attributes +
             R"(,"last_error":{"code":"invalid_file","message":"no text in it"}})";
    }
    return out;
  }

  fake_response upload(const std::string& body) {
    const auto name_at = body.find("filename=\"") + 10;
    const std::string name = body.substr(name_at, body.find('"', name_at) - name_at);
    if (refused.contains(name)) return {413, R"({"error":{"message":"too large"}})"};
    const auto from = body.find("\r\n\r\n", name_at) + 4;
    const auto content = body.substr(from, body.find("\r\n--", from) - from);
    const std::string id = "file-" + std::to_string(++uploads);
    files_[id] = {name, sha256_of(scratch_.write("upload", content)).value(), "", false, 0};
    return {200, R"({"id":")" + id + R"(","filename":")" + name + "\"}"};
  }

  fake_response attach(const std::string& body) {
    const auto at = body.find("file-");
    file& entry = files_.at(body.substr(at, body.find('"', at) - at));
    const auto path_at = body.find("\"attributes\":") + 13;
    entry.attributes = body.substr(path_at, body.find('}', path_at) + 1 - path_at);
    entry.attached = true;
    return {200, "{}"};
  }

  fake_response remove(const std::string& id) {
    return files_.erase(id) != 0 ? fake_response{} : fake_response{404, "{}"};
  }

  std::mutex mutex_;
  std::string store_;
  std::map<std::string, file> files_;
  test::scratch_folder scratch_;
};

struct ingest_test : ::testing::Test {
  fake_api api;
  test::fake_server server{[this](const fake_request& r) { return api.answer(r); }};
  test::scratch_folder folder;
  std::string out;

  int ingest() {
    const ingest_options options{.access = {.url = server.url(), .key = "k", .data = {}},
                                 .paths = {folder.path()},
                                 .store = "docs",
                                 .json = true};
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_ingest(options, {});
    out = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
    return code;
  }
};

TEST_F(ingest_test, the_second_run_sends_nothing_and_a_change_is_replaced) {
  for (const char* name : {"a.md", "b.md", "sub/a.md"}) folder.write(name, name);
  EXPECT_EQ(ingest(), 0) << out;
  EXPECT_EQ(api.names(), (std::vector<std::string>{"a.md", "a.md", "b.md"}));
  EXPECT_TRUE(out.contains(R"("uploaded":3,"replaced":0,"skipped":0)")) << out;
  EXPECT_EQ(ingest(), 0) << out;
  EXPECT_EQ(api.uploads, 3);
  EXPECT_TRUE(out.contains(R"("uploaded":0,"replaced":0,"skipped":3)")) << out;
  folder.write("b.md", "other");
  EXPECT_EQ(ingest(), 0) << out;
  EXPECT_EQ(api.names(), (std::vector<std::string>{"a.md", "a.md", "b.md"}));
  EXPECT_TRUE(out.contains(R"("uploaded":0,"replaced":1,"skipped":2)")) << out;
}

TEST_F(ingest_test, a_file_that_fails_is_listed_and_the_rest_goes_on) {
  for (const char* name : {"a.md", "big.md", "c.md", "odd.html"}) folder.write(name, name);
  api.refused = {"big.md"};
  api.unindexable = {"odd.html"};
  EXPECT_EQ(ingest(), 1);
  EXPECT_EQ(api.names(), (std::vector<std::string>{"a.md", "c.md", "odd.html"}));
  const std::string big =
      R"j({"name":"big.md","error":"too large (0.0 MiB; the server's bound is http.body_bytes)"})j";
  EXPECT_TRUE(out.contains(big)) << out;
  EXPECT_TRUE(out.contains(R"({"name":"odd.html","error":"not indexed: no text in it"})")) << out;
  EXPECT_EQ(ingest(), 1) << "what failed is tried again";
  EXPECT_EQ(api.names().size(), 3u) << "and leaves no copy behind";
}

} // namespace
} // namespace troupe::cli
