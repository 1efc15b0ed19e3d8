// Goal: nodes linked through a real broker over TCP keep the promises of broker/bus.hpp: every
// request is answered once, streams are whole and in order, cancels, windows and deadlines arrive,
// and what dies is noticed. Method: one broker and a few buses on loopback in this process, on a
// port that the system picks; each node is a small scripted worker.
#include "messages/base/limits.hpp"
#include "tests/component/broker/bus_node.hpp"
#include "tests/support/loop_thread.hpp"

namespace troupe {
namespace {

TEST(bus, a_request_is_answered) {
  const auto broker = make_broker();
  node worker(broker->address(), "auth", {{"auth"}}, echo);
  node client(broker->address(), "prompt", {});
  EXPECT_EQ(client.finished(client.ask("auth.me/v1", "hello")), "hello");
}

TEST(bus, nodes_on_one_loop_serve_each_other_and_leave_nothing_behind) {
  const auto broker = make_broker();
  test::loop_thread loop;
  {
    node worker(broker->address(), "auth", {{"auth"}}, echo, true, &loop.context());
    {
      node client(broker->address(), "prompt", {}, {}, true, &loop.context());
      for (int i = 0; i < 50; ++i)
        EXPECT_EQ(client.finished(client.ask("auth.me/v1", "hello")), "hello");
    }
    node next(broker->address(), "prompt", {}, {}, true, &loop.context());
    const std::string large(1 << 20, 'x');
    std::vector<call_id> asked;
    for (int i = 0; i < 20; ++i) asked.push_back(next.ask("auth.me/v1", large));
    for (const auto& cid : asked) EXPECT_EQ(next.finished(cid), large);
  }
  EXPECT_TRUE(loop.is_alive());
  loop.end();
}

TEST(bus, an_edge_reaches_the_router_only_and_its_answer_comes_from_where_it_was_delegated) {
  const auto broker = make_broker();
  std::atomic<bool> credential_seen = false, credential_left = false, caller_kept = false;
  std::atomic<bool> address_kept = false;
  node prompt(broker->address(), "prompt", {{"prompt"}}, [&](node& self, bus_work w) {
    auto& r = std::get<bus_request>(w);
    credential_left = !r.credential.empty();
    caller_kept = r.caller == "who";
    address_kept = r.client_address == "203.0.113.7";
    self.link().partial(r.cid, 1, "a");
    self.link().partial(r.cid, 2, "b");
    self.link().finish(r.cid, r.method + " " + r.body);
  });
  node router(broker->address(), "router", {{"router"}}, [&](node& self, bus_work w) {
    auto& r = std::get<bus_request>(w);
    credential_seen = r.credential == "key" && r.caller.empty();
    r.delegated = true;
    r.caller = "who";
    self.link().request(std::move(r));
  });
  node edge(broker->address(), "edge", {});
  bus_request asked;
  asked.method = "prompt.chat/v1";
  asked.credential = "key";
  asked.caller = "somebody else";
  asked.client_address = "203.0.113.7";
  asked.body = "question";
  asked.deadline = clock::now() + 10s;
  const auto cid = edge.ask(std::move(asked));
  EXPECT_EQ(edge.finished(cid), "prompt.chat/v1 question");
  EXPECT_EQ(edge.partials(cid).size(), 2u);
  EXPECT_TRUE(credential_seen) << "the router gets the key, and no caller of an edge's making";
  EXPECT_FALSE(credential_left) << "even when a router sends it on";
  EXPECT_TRUE(caller_kept);
  EXPECT_TRUE(address_kept);
}

TEST(bus, ten_thousand_partials_arrive_in_order) {
  const auto broker = make_broker();
  node worker(broker->address(), "prompt", {{"prompt"}}, [](node& self, bus_work w) {
    const auto* r = std::get_if<bus_request>(&w);
    if (r == nullptr) return;
    for (std::uint64_t n = 1; n <= 10'000; ++n) self.link().partial(r->cid, n, std::to_string(n));
    self.link().finish(r->cid, "end");
  });
  node client(broker->address(), "log", {});
  const auto cid = client.ask("prompt.chat/v1");
  ASSERT_EQ(client.finished(cid), "end");
  const auto got = client.partials(cid);
  ASSERT_EQ(got.size(), 10'000u);
  for (std::size_t n = 0; n < got.size(); ++n) {
    ASSERT_EQ(got[n].seq, n + 1);
    ASSERT_EQ(got[n].body, std::to_string(n + 1));
  }
}

TEST(bus, windows_and_cancels_find_the_worker) {
  const auto broker = make_broker();
  std::atomic<std::uint32_t> frames = 0;
  node worker(broker->address(), "prompt", {{"prompt"}}, [&](node& self, bus_work w) {
    if (const auto* r = std::get_if<bus_request>(&w)) self.link().partial(r->cid, 1, "x");
    if (const auto* more = std::get_if<bus_window>(&w)) frames = more->frames;
    if (const auto* c = std::get_if<bus_cancel>(&w))
      self.link().fail(c->cid, make_error(errc::cancelled, "ok"));
  });
  node client(broker->address(), "log", {});
  const auto cid = client.ask("prompt.chat/v1");
  ASSERT_TRUE(client.wait_partials(cid, 1));
  client.link().window(cid, 1, 7, 100);
  client.link().window(cid, 1, 9, 100);
  EXPECT_TRUE(eventually([&] { return frames == 16; })) << "credit is passed on by the quarter";
  client.link().cancel(cid);
  EXPECT_EQ(client.failed(cid).code, errc::cancelled);
}

TEST(bus, a_deadline_is_answered_and_cancels_the_worker) {
  const auto broker = make_broker();
  std::atomic<bool> cancelled = false;
  node worker(broker->address(), "prompt", {{"prompt"}}, [&](node&, bus_work w) {
    if (std::holds_alternative<bus_cancel>(w)) cancelled = true;
  });
  node client(broker->address(), "log", {});
  const auto began = clock::now();
  EXPECT_EQ(client.failed(client.ask("prompt.chat/v1", "", 100ms)).code, errc::deadline_exceeded);
  EXPECT_LT(clock::now() - began, 1s);
  EXPECT_TRUE(eventually([&] { return cancelled.load(); }));
}

TEST(bus, nobody_to_ask_is_said_at_once_and_by_name) {
  const auto broker = make_broker();
  node client(broker->address(), "log", {});
  const auto why = client.failed(client.ask("prompt.chat/v1"));
  EXPECT_EQ(why.code, errc::unavailable);
  EXPECT_EQ(why.started, started_state::no);
  EXPECT_NE(why.message.find("prompt"), std::string::npos);
}

TEST(bus, what_a_stopped_worker_held_fails_and_idempotent_work_moves_on) {
  const auto broker = make_broker();
  std::atomic<int> taken = 0;
  const auto hold = [&](node&, bus_work w) { taken += std::holds_alternative<bus_request>(w); };
  auto first = std::make_unique<node>(broker->address(), "prompt",
                                      std::vector<bus_service>{{"prompt"}}, hold);
  node client(broker->address(), "log", {});
  const auto once = client.ask("prompt.chat/v1");
  const auto many = client.ask("prompt.models/v1", "again", 10s, true);
  ASSERT_TRUE(eventually([&] { return taken == 2; }));
  node second(broker->address(), "prompt", {{"prompt"}}, echo);
  first.reset();
  const auto why = client.failed(once);
  EXPECT_EQ(why.code, errc::worker_lost);
  EXPECT_EQ(why.started, started_state::unknown);
  EXPECT_EQ(client.finished(many), "again");
}

TEST(bus, a_restarted_broker_is_found_again) {
  auto broker = make_broker();
  const auto address = broker->address();
  node worker(address, "auth", {{"auth"}}, echo);
  node client(address, "log", {});
  ASSERT_EQ(client.finished(client.ask("auth.me/v1", "1")), "1");
  broker.reset();
  EXPECT_TRUE(eventually([&] { return !client.link().linked() && !worker.link().linked(); }));
  EXPECT_EQ(client.failed(client.ask("auth.me/v1")).code, errc::unavailable);
  broker = make_broker(address);
  ASSERT_TRUE(eventually([&] { return client.link().linked() && worker.link().linked(); }));
  EXPECT_EQ(client.finished(client.ask("auth.me/v1", "2")), "2");
}

TEST(bus, a_body_of_32_mib_goes_there_and_back) {
  const auto broker = make_broker();
  node worker(broker->address(), "auth", {{"auth"}}, echo);
  node client(broker->address(), "log", {});
  std::string body(limits::bus_body_bytes, 'x');
  for (std::size_t n = 0; n < body.size(); n += 4096) body[n] = static_cast<char>(n >> 12);
  EXPECT_TRUE(client.finished(client.ask("auth.me/v1", body)) == body);
}

TEST(bus, two_thousand_requests_at_once_are_all_answered) {
  const auto broker = make_broker();
  node one(broker->address(), "auth", {{"auth", 64}}, echo);
  node two(broker->address(), "auth", {{"auth", 64}}, echo);
  node client(broker->address(), "log", {});
  std::vector<call_id> asked;
  for (int n = 0; n < 2000; ++n) asked.push_back(client.ask("auth.me/v1", std::to_string(n)));
  for (std::size_t n = 0; n < asked.size(); ++n)
    ASSERT_EQ(client.finished(asked[n]), std::to_string(n));
}

TEST(bus, a_draining_node_takes_no_new_work_and_finishes_what_it_has) {
  const auto broker = make_broker();
  std::mutex mutex;
  std::vector<call_id> held;
  node worker(broker->address(), "auth", {{"auth"}}, [&](node&, bus_work w) {
    std::lock_guard lock(mutex);
    if (const auto* r = std::get_if<bus_request>(&w)) held.push_back(r->cid);
  });
  node client(broker->address(), "log", {});
  const auto running = client.ask("auth.me/v1");
  ASSERT_TRUE(eventually([&] {
    std::lock_guard lock(mutex);
    return held.size() == 1;
  }));
  const auto taken = [&] {
    std::lock_guard lock(mutex);
    return held.size();
  };
  worker.link().drain();
  ASSERT_TRUE(eventually([&] {
    const auto before = taken(); // what is asked now waits for a node that follows
    const auto why = client.failed(client.ask("auth.me/v1", "", 200ms)).code;
    return why == errc::deadline_exceeded && taken() == before;
  }));
  worker.link().finish(running, "done");
  EXPECT_EQ(client.finished(running), "done");
}

TEST(bus, a_broker_drains_until_nothing_is_in_flight) {
  const auto broker = make_broker();
  std::mutex mutex;
  std::vector<call_id> held;
  node worker(broker->address(), "auth", {{"auth"}}, [&](node&, bus_work w) {
    std::lock_guard lock(mutex);
    if (const auto* r = std::get_if<bus_request>(&w)) held.push_back(r->cid);
  });
  node client(broker->address(), "log", {});
  const auto running = client.ask("auth.me/v1");
  ASSERT_TRUE(eventually([&] {
    std::lock_guard lock(mutex);
    return held.size() == 1;
  }));
  std::thread later([&] {
    std::this_thread::sleep_for(50ms);
    worker.link().finish(running, "done");
  });
  const auto began = clock::now();
  broker->drain(5s);
  EXPECT_LT(clock::now() - began, 2s);
  later.join();
  EXPECT_EQ(client.finished(running), "done");
}

TEST(broker, without_a_key_only_loopback_addresses_are_bound) {
  std::string why;
  EXPECT_FALSE(start_broker({"tcp://0.0.0.0:0"}, why));
  EXPECT_NE(why.find("0.0.0.0"), std::string::npos) << why;
  EXPECT_NE(why.find("loopback"), std::string::npos) << why;
  EXPECT_FALSE(start_broker({"7700"}, why));
  EXPECT_TRUE(start_broker({"tcp://localhost:0"}, why)) << why;
}

TEST(broker, an_address_in_use_is_an_error_that_names_it) {
  const auto broker = make_broker();
  std::string why;
  EXPECT_FALSE(start_broker({broker->address()}, why));
  EXPECT_NE(why.find(broker->address()), std::string::npos) << why;
}

} // namespace
} // namespace troupe
