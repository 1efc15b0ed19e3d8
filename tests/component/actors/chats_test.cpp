// Goal: chats and streams behave the same whether their services are near or behind the bus, and
// end when they are told to. Method: as services_test.cpp, with a provider that the test speaks
// for.
#include "messages/codec/json.hpp"
#include "tests/component/actors/services_fixture.hpp"

#include <deque>

namespace troupe {
namespace {

TEST_P(services_test, a_plain_chat_passes_the_providers_answer_through) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(false), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto call = provider_->last();
  EXPECT_NE(call->body.raw.find("\"x\":1"), std::string::npos);
  const std::string body =
      R"({"id":"c1","object":"chat.completion","created":1,"model":"far","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}})";
  call->sink.end(json_text{body});
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  EXPECT_EQ((*got.end)->body.raw, body);
  EXPECT_EQ((*got.end)->usage.total_tokens, 4);
  EXPECT_EQ((*got.end)->source, usage_source::reported);
}

TEST_P(services_test, a_stream_arrives_in_order_and_holds_its_producer_without_credit) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto call = provider_->last();
  constexpr int chunks = 200;
  for (int i = 0; i < chunks; ++i)
    call->sink.chunk({R"({"id":"c1","choices":[{"index":0,"delta":{"content":")" +
                      std::to_string(i) + R"("}}]})"});
  call->sink.end(json_text{});
  ASSERT_TRUE(got.wait([&] { return got.deltas.size() == limits::stream_window_frames; }));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(got.deltas.size(), limits::stream_window_frames) << "nothing more without credit";
  EXPECT_FALSE(got.end.has_value());
  control->grant(1000, 1u << 20);
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  ASSERT_EQ(got.deltas.size(), std::size_t{chunks});
  for (int i = 0; i < chunks; ++i)
    EXPECT_NE(got.deltas[static_cast<std::size_t>(i)].data.raw.find('"' + std::to_string(i) + '"'),
              std::string::npos);
}

TEST_P(services_test, a_stream_opens_when_the_provider_accepts_it_and_only_once) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto call = provider_->last();
  EXPECT_TRUE(got.deltas.empty());
  call->sink.accepted();
  ASSERT_TRUE(got.wait([&] { return got.deltas.size() == 1; }));
  EXPECT_EQ(got.deltas.front().event, stream_opened);
  std::this_thread::sleep_for(400ms); // past the time after which a silent one is opened
  call->sink.chunk({R"({"choices":[{"index":0,"delta":{"content":"x"}}]})"});
  call->sink.end(json_text{});
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.deltas.size(), 2u);
}

TEST_P(services_test, a_stream_of_a_silent_provider_opens_after_a_while_and_not_before) {
  collector got;
  const auto asked = std::chrono::steady_clock::now();
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(got.wait([&] { return !got.deltas.empty(); }));
  EXPECT_EQ(got.deltas.front().event, stream_opened);
  EXPECT_GE(std::chrono::steady_clock::now() - asked, 200ms);
  control->cancel();
  ASSERT_TRUE(got.wait_end());
}

TEST_P(services_test, a_node_that_must_end_tells_its_requesters_why_and_stops_the_provider) {
  if (GetParam() == shape::near) GTEST_SKIP() << "near, the edge ends what runs";
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  end_running_(make_error(errc::draining, "the server is shutting down"));
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::draining);
  EXPECT_TRUE(eventually([&] { return provider_->last()->cancelled.load(); }));
  EXPECT_TRUE(eventually([&] { return *keeper_.unacknowledged == 0; }))
      << "its record is in the log";
}

TEST_P(services_test, what_a_node_that_must_end_cuts_off_may_have_begun) {
  if (GetParam() == shape::near) GTEST_SKIP() << "near, the edge ends what runs";
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(false), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  end_running_(make_error(errc::draining, "the server is shutting down"));
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::draining);
  EXPECT_EQ(got.end->error().started, started_state::unknown);
}

TEST_P(services_test, a_cancel_reaches_the_provider_before_and_after_the_first_token) {
  for (const bool started : {false, true}) {
    collector got;
    const auto before = provider_->last();
    const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
    ASSERT_TRUE(eventually([&] { return provider_->last() != before; }));
    const auto call = provider_->last();
    if (started) {
      call->sink.chunk({R"({"choices":[{"index":0,"delta":{"content":"x"}}]})"});
      ASSERT_TRUE(got.wait([&] { return !got.deltas.empty(); }));
    }
    control->cancel();
    EXPECT_TRUE(eventually([&] { return call->cancelled.load(); }));
    ASSERT_TRUE(got.wait_end());
    EXPECT_EQ(got.end->error().code, errc::cancelled);
  }
}

TEST_P(services_test, a_cancel_while_the_router_asks_who_the_caller_is_is_not_lost) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  control->cancel();
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::cancelled);
  // It may come a moment after the router was told who it is.
  const auto call = provider_->last();
  if (!call) {
    EXPECT_EQ(got.end->error().started, started_state::no);
  }
  EXPECT_TRUE(eventually([&] { return !call || call->cancelled.load(); }));
}

TEST_P(services_test, a_deadline_answers_and_stops_the_provider) {
  collector got;
  const auto control = gates_->chats().chat(context(200ms), far_chat(false), got.sink());
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::deadline_exceeded);
  EXPECT_TRUE(eventually([&] { return provider_->last() && provider_->last()->cancelled.load(); }));
}

TEST_P(services_test, embeddings_as_large_as_a_body_may_be_reach_the_provider_whole) {
  embeddings_request r;
  r.model = "far";
  r.input.raw = '"' + std::string(limits::body_bytes - 100, 'x') + '"';
  r.body.raw = R"({"model":"far","user":"u"})";
  const auto got = ask(gates_->chats(), r);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(provider_->embedded().raw,
            "{\"input\":" + r.input.raw + R"(,"model":"far","user":"u"})");
}

/// A resumable stream that has said so many MiB and goes on; its id.
struct long_stream {
  collector got;
  std::unique_ptr<stream_control> control;
  std::string id;

  ~long_stream() {
    if (!control) return;
    control->cancel();
    EXPECT_TRUE(got.wait_end());
  }
  void say(fake_provider& provider, std::size_t mib) {
    const std::string text(1u << 20, 'x');
    for (std::size_t n = 0; n < mib; ++n)
      provider.last()->sink.chunk(
          {R"({"choices":[{"index":0,"delta":{"content":")" + text + R"("}}]})"});
    ASSERT_TRUE(got.wait([&] { return got.deltas.size() == 1 + mib; }));
    id = json::decode<chat_stream_begin>(got.deltas.front().data.raw).value().id;
    got.deltas.clear();
  }
};

/// More of them than there is room for, each with `kept` MiB.
class long_streams : public services_test {
protected:
  static constexpr auto kept = (limits::stream_kept_bytes >> 20) - 1;
  static constexpr auto room = limits::streams_kept_bytes >> 20;

  void begin(long_stream& one) {
    auto asked = far_chat(true);
    asked.resumable = true;
    const auto before = provider_->last();
    one.control = gates_->chats().chat(context(), asked, one.got.sink());
    ASSERT_TRUE(eventually([&] { return provider_->last() != before; }));
    one.control->grant(100, 100u << 20);
    one.say(*provider_, kept);
  }
  bool resumes(const std::string& id, std::uint64_t after) {
    collector again;
    const auto control = gates_->chats().resume(context(), {id, after}, again.sink());
    EXPECT_TRUE(again.wait([&] { return again.end || !again.deltas.empty(); }));
    const bool goes_on = !again.end;
    control->cancel();
    EXPECT_TRUE(again.wait_end());
    return goes_on;
  }

  std::deque<long_stream> all_;
};

TEST_P(long_streams, what_all_keep_is_bounded_and_each_has_its_share) {
  for (std::size_t mib = 0; mib <= room; mib += kept) {
    begin(all_.emplace_back());
    ASSERT_FALSE(HasFatalFailure());
    if (all_.size() == 2) {
      EXPECT_TRUE(resumes(all_.front().id, 0)) << "there is room";
    }
  }
  EXPECT_FALSE(resumes(all_[1].id, kept - 2)) << "half of a share is less than two events";
  EXPECT_TRUE(resumes(all_[1].id, kept - 1)) << "and more than one";
}

TEST_P(long_streams, readers_that_came_back_far_behind_make_room) {
  std::deque<long_stream> behind;
  for (std::size_t mib = 0; mib <= room; mib += kept) {
    begin(all_.emplace_back());
    ASSERT_FALSE(HasFatalFailure());
    auto& reader = behind.emplace_back();
    reader.control = gates_->chats().resume(context(), {all_.back().id, 0}, reader.got.sink());
    ASSERT_TRUE(all_.back().got.wait_end()) << "the last reader counts";
  }
  for (auto& reader : behind) {
    if (&reader == &behind.back()) break; // it came when there was room again
    ASSERT_TRUE(reader.got.wait_end());
    EXPECT_EQ(reader.got.end->error().code, errc::overloaded);
  }
  EXPECT_FALSE(resumes(all_.front().id, 0));
}

INSTANTIATE_TEST_SUITE_P(shapes, long_streams, testing::Values(shape::near, shape::far),
                         shape_name);

TEST_P(services_test, an_unknown_models_error_comes_from_the_provider_and_keeps_its_status) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  auto why = make_error(errc::rate_limited, "slow down");
  why.status = 429;
  why.retry_after_ms = 1500;
  provider_->last()->sink.end.fail(why);
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().status, 429);
  EXPECT_EQ(got.end->error().retry_after_ms, 1500u);
  EXPECT_EQ(got.end->error().started, started_state::no);
}

TEST_P(services_test, what_ends_a_chat_after_its_first_words_says_that_it_has_begun) {
  collector got;
  const auto control = gates_->chats().chat(context(), far_chat(true), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  provider_->last()->sink.chunk({R"({"choices":[{"index":0,"delta":{"content":"x"}}]})"});
  provider_->last()->sink.end.fail(make_error(errc::rate_limited, "enough"));
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::rate_limited);
  EXPECT_EQ(got.end->error().started, started_state::yes);
}

} // namespace
} // namespace troupe
