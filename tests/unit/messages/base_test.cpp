// Goal: ids, replies, contexts and metrics keep what their headers promise. Method: direct calls;
// ids from several threads at once.
#include "messages/base/ids.hpp"
#include "messages/base/metrics.hpp"
#include "messages/base/op_context.hpp"
#include "messages/base/reply.hpp"
#include "messages/method_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <thread>

namespace troupe {
namespace {

TEST(ids, a_uuid_is_of_version_7_and_rises) {
  std::string last;
  for (int i = 0; i < 10000; ++i) {
    const std::string id = make_uuid();
    ASSERT_EQ(id.size(), 36u);
    ASSERT_EQ(id[14], '7');
    ASSERT_NE(std::string("89ab").find(id[19]), std::string::npos);
    for (const std::size_t dash : {8u, 13u, 18u, 23u}) ASSERT_EQ(id[dash], '-');
    ASSERT_GT(id, last);
    last = id;
  }
  EXPECT_TRUE(make_id("file-").starts_with("file-"));
  EXPECT_EQ(make_id("file-").size(), 5u + 32u);
}

TEST(ids, call_ids_of_several_threads_differ) {
  std::array<std::vector<call_id>, 4> made;
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 1000; ++i) mine.push_back(make_call_id());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<call_id> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 4000u);
  EXPECT_NE(all.begin()->incarnation, 0u);
}

TEST(reply, is_answered_exactly_once) {
  int answers = 0;
  {
    reply<int> answer([&](result<int> value) {
      ++answers;
      EXPECT_EQ(value, 5);
    });
    answer(5);
    answer(6);
    EXPECT_FALSE(answer);
  }
  EXPECT_EQ(answers, 1);
}

TEST(reply, dropped_unanswered_says_so) {
  std::vector<errc> seen;
  const auto note = [&](result<int> value) { seen.push_back(value.error().code); };
  {
    reply<int> first(note);
    reply<int> second(std::move(first));
    first = reply<int>(note);
    second = std::move(first); // what second held is dropped here
    EXPECT_EQ(seen, std::vector<errc>{errc::dropped});
  }
  EXPECT_EQ(seen.size(), 2u);
}

TEST(op_context, remaining_time_is_never_negative) {
  op_context context;
  EXPECT_EQ(context.remaining(), std::chrono::milliseconds::max());
  const auto now = op_context::clock::now();
  context.deadline = now + std::chrono::milliseconds(250);
  EXPECT_EQ(context.remaining(now), std::chrono::milliseconds(250));
  EXPECT_EQ(context.remaining(now + std::chrono::seconds(1)), std::chrono::milliseconds(0));
}

TEST(error, has_a_stable_name_and_knows_what_may_be_retried) {
  EXPECT_EQ(to_string(errc::not_found), "not_found");
  EXPECT_EQ(to_string(static_cast<errc>(200)), "unknown");
  EXPECT_TRUE(is_retriable(errc::unavailable));
  EXPECT_FALSE(is_retriable(errc::invalid_argument));
}

TEST(methods, wire_names_are_unique_and_carry_their_service) {
  std::set<std::string_view> names;
  int count = 0;
#define TROUPE_CHECK(service_, name_, request_, delta_, reply_, class_) \
  ++count;                                                              \
  names.insert(method_traits<request_>::wire_name);                     \
  EXPECT_TRUE(method_traits<request_>::wire_name.starts_with(method_traits<request_>::service));
  TROUPE_METHODS(TROUPE_CHECK)
#undef TROUPE_CHECK
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(method_traits<chat_request>::streamed);
  EXPECT_FALSE(method_traits<me_request>::streamed);
}

TEST(metrics, are_rendered_as_prometheus_text) {
  static metrics::metric requests(metrics::kind::counter, "test_requests_total", "Requests.",
                                  "code=\"200\"");
  static metrics::metric seconds(metrics::kind::histogram, "test_seconds", "Latency.");
  requests.add(3);
  seconds.observe(0.0002);
  seconds.observe(0.02);
  const std::string text = metrics::render();
  EXPECT_NE(text.find("# TYPE test_requests_total counter\ntest_requests_total{code=\"200\"} 3\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("test_seconds_bucket{le=\"0.00025\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("test_seconds_bucket{le=\"+Inf\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("test_seconds_count 2\n"), std::string::npos) << text;
}

} // namespace
} // namespace troupe
