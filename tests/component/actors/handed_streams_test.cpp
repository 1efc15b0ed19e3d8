// Goal: a resumable stream can be read and stopped through any node, also where a router and chats
// share a process. Method: two prompt services on one lease store; the gates lead to the first
// one's router, the stream is the second one's.
#include "actors/entity/lease_host.hpp"
#include "messages/codec/json.hpp"
#include "messages/stream_id.hpp"
#include "tests/component/actors/services_fixture.hpp"

namespace troupe {
namespace {

class handed_streams : public services_test {
protected:
  void SetUp() override {
    services_test::SetUp();
    other_ = spawn_node(own_incarnation() + 1, prompt_service::actor());
    other_gates_ = gates_to(other_);
    gates_ = gates_to(spawn_node(own_incarnation(), other_));
  }
  void TearDown() override {
    other_gates_.reset();
    other_ = nullptr;
    services_test::TearDown();
  }

  prompt_service::actor spawn_node(std::uint64_t node, prompt_service::actor peers) {
    lease_host_config settings;
    settings.store = leases_.get();
    settings.service = "prompt";
    settings.node = node;
    auto stores = make_memory_prompt_stores();
    prompt_deps p;
    p.provider = provider_;
    p.embed = make_hashing_embedder();
    p.conversations = std::move(stores.conversations);
    p.retrieval = near_.retrieval;
    p.limiter = near_.limits;
    p.node = node;
    p.leases = std::make_shared<lease_host>(std::move(settings));
    p.peers = std::move(peers);
    return keep(spawn_prompt(system_, p));
  }

  std::unique_ptr<edge_gates> gates_to(const prompt_service::actor& prompt) {
    service_handles all{near_.auth, near_.keys,      {},       near_.limits,
                        prompt,     near_.retrieval, near_.log};
    return make_edge_gates(system_, keep(spawn_router(system_, all, nullptr)));
  }

  /// Begins a stream at the other node that says one word; its id.
  std::string begin(collector& got) {
    auto asked = far_chat(true);
    asked.resumable = true;
    reading_ = other_gates_->chats().chat(context(), asked, got.sink());
    EXPECT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
    say("one");
    EXPECT_TRUE(got.wait([&] { return got.deltas.size() == 2; }));
    return json::decode<chat_stream_begin>(got.deltas.front().data.raw).value().id;
  }
  void say(const std::string& word) {
    provider_->last()->sink.chunk(
        {R"({"id":"c1","choices":[{"index":0,"delta":{"content":")" + word + R"("}}]})"});
  }

  const std::unique_ptr<lease_store> leases_ = make_memory_lease_store();
  prompt_service::actor other_;
  std::unique_ptr<edge_gates> other_gates_;
  std::unique_ptr<stream_control> reading_;
};

TEST_P(handed_streams, it_goes_on_for_who_comes_back_to_another_node) {
  collector got;
  const auto id = begin(got);
  ASSERT_EQ(node_of_stream(id), own_incarnation() + 1);
  collector again;
  const auto control = gates_->chats().resume(context(), {id, 0}, again.sink());
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::conflict) << "the last reader counts";
  say("two");
  provider_->last()->sink.end(json_text{});
  ASSERT_TRUE(again.wait_end());
  ASSERT_TRUE(*again.end) << again.end->error().message;
  ASSERT_EQ(again.deltas.size(), 4u);
  EXPECT_EQ(again.deltas[0].event, stream_named);
  EXPECT_EQ(again.deltas[1].event, stream_opened);
  EXPECT_NE(again.deltas[2].data.raw.find("\"one\""), std::string::npos);
  EXPECT_NE(again.deltas[3].data.raw.find("\"two\""), std::string::npos);
}

TEST_P(handed_streams, its_reader_gives_credit_through_the_node_that_it_asked) {
  collector got;
  const auto id = begin(got);
  collector again;
  const auto control = gates_->chats().resume(context(), {id, 1}, again.sink());
  ASSERT_TRUE(got.wait_end());
  for (std::uint32_t n = 0; n < limits::stream_window_frames; ++n) say("more");
  provider_->last()->sink.end(json_text{});
  ASSERT_TRUE(again.wait([&] { return again.deltas.size() == limits::stream_window_frames; }));
  std::this_thread::sleep_for(20ms);
  bool is_over = false;
  {
    const std::lock_guard lock(again.mutex);
    is_over = again.end.has_value();
  }
  EXPECT_FALSE(is_over) << "two deltas wait for credit";
  control->grant(10, 1u << 20);
  ASSERT_TRUE(again.wait_end());
  EXPECT_EQ(again.deltas.size(), limits::stream_window_frames + 2);
}

TEST_P(handed_streams, it_can_be_stopped_through_another_node) {
  collector got;
  const auto id = begin(got);
  const auto stopped = ask(gates_->chats(), stop_chat_request{id});
  ASSERT_TRUE(stopped) << stopped.error().message;
  EXPECT_EQ(stopped->status, "cancelled");
  EXPECT_EQ(stopped->events, 1u);
  EXPECT_TRUE(eventually([&] { return provider_->last()->cancelled.load(); }));
  ASSERT_TRUE(got.wait_end());
  EXPECT_EQ(got.end->error().code, errc::cancelled);
}

TEST_P(handed_streams, who_leaves_it_again_is_told_and_it_goes_on) {
  collector got;
  const auto id = begin(got);
  collector again;
  const auto control = gates_->chats().resume(context(), {id, 0}, again.sink());
  ASSERT_TRUE(got.wait_end());
  control->cancel();
  ASSERT_TRUE(again.wait_end());
  EXPECT_EQ(again.end->error().code, errc::cancelled);
  say("two");
  collector back;
  const auto once_more = gates_->chats().resume(context(), {id, 1}, back.sink());
  ASSERT_TRUE(back.wait([&] { return back.deltas.size() == 3; })) << "its name, its begin, two";
  EXPECT_NE(back.deltas.back().data.raw.find("\"two\""), std::string::npos);
  EXPECT_FALSE(provider_->last()->cancelled);
  provider_->last()->sink.end(json_text{});
  ASSERT_TRUE(back.wait_end());
}

TEST_P(handed_streams, what_nobody_has_does_not_exist) {
  const auto here = own_incarnation(), there = here + 1;
  for (const std::uint64_t node : {here, there, std::uint64_t{0}}) {
    const auto stopped = ask(gates_->chats(), stop_chat_request{make_stream_id(node)});
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, errc::not_found) << node;
  }
}

INSTANTIATE_TEST_SUITE_P(shapes, handed_streams, testing::Values(shape::near), shape_name);

} // namespace
} // namespace troupe
