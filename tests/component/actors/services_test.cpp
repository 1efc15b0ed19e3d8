// Goal: the services behave the same whether they are near or behind the bus. Method: the whole
// company of actors on memory stores, asked through the gates; once in one piece, once with the
// gates on one node and the services on another, over a real broker on loopback.
#include "tests/component/actors/services_fixture.hpp"

namespace troupe {
namespace {

TEST_P(services_test, every_service_says_that_it_is_ready) {
  const auto pong = ask(gates_->health(), ping_request{});
  ASSERT_TRUE(pong) << pong.error().message;
  EXPECT_TRUE(pong->ready);
  EXPECT_EQ(pong->services.size(), 7u);
}

TEST_P(services_test, an_admin_sees_all_processes_and_services) {
  const auto all = ask(gates_->cluster(), topology_request{});
  ASSERT_TRUE(all) << all.error().message;
  std::vector<std::string> nodes, services;
  for (const auto& n : all->nodes) nodes.push_back(n.name);
  for (const auto& s : all->services) {
    services.push_back(s.name);
    EXPECT_EQ(s.workers, 1u) << s.name;
  }
  const bool is_far = GetParam() == shape::far;
  EXPECT_EQ(nodes, is_far ? (std::vector<std::string>{"edge", "services"})
                          : (std::vector<std::string>{"all"}));
  std::vector<std::string> wanted{"accounts", "auth",   "keys",     "limits",
                                  "log",      "prompt", "retrieval"};
  if (is_far) wanted.emplace_back("router");
  EXPECT_EQ(services, wanted);
  ASSERT_EQ(all->brokers.size(), is_far ? 1u : 0u);
  if (is_far) {
    EXPECT_EQ(all->brokers[0].address, broker_->address());
    EXPECT_TRUE(all->brokers[0].answered) << all->brokers[0].detail;
    EXPECT_EQ(all->brokers[0].in_flight, 1u) << "this request";
    EXPECT_EQ(all->nodes[0].asked, 1u);
    EXPECT_EQ(all->nodes[1].in_flight, 1u);
  }
}

TEST_P(services_test, the_topology_is_for_admins) {
  EXPECT_EQ(ask(gates_->cluster(), topology_request{}, "tr-wrong").error().code,
            errc::unauthenticated);
  const auto ada =
      ask(gates_->accounts(), register_request{"ada@example.org", {"long enough"}, "Ada"});
  ASSERT_TRUE(ada);
  EXPECT_EQ(ask(gates_->cluster(), topology_request{}, ada->access_token).error().code,
            errc::forbidden);
}

TEST_P(services_test, a_broker_that_is_gone_is_named_as_silent) {
  if (GetParam() == shape::near) return; // it has none
  const auto gone = broker_->address();
  broker_.reset();
  ASSERT_TRUE(eventually([&] { return !services_link_->linked(); }));
  std::promise<topology> seen;
  make_bus_topology(services_link_)->look(reply<topology>([&](result<topology> r) {
    seen.set_value(std::move(*r));
  }));
  const auto all = seen.get_future().get();
  EXPECT_TRUE(all.nodes.empty());
  ASSERT_EQ(all.brokers.size(), 1u);
  EXPECT_EQ(all.brokers[0].address, gone);
  EXPECT_FALSE(all.brokers[0].answered);
  EXPECT_FALSE(all.brokers[0].detail.empty());
}

TEST_P(services_test, everyone_may_know_the_public_keys) {
  const auto set = ask(gates_->accounts(), jwks_request{}, "");
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_TRUE(set->body.raw.contains("\"OKP\"")) << set->body.raw;
}

TEST_P(services_test, a_wrong_credential_is_refused_and_a_right_one_knows_its_user) {
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, "tr-wrong").error().code, errc::unauthenticated);
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, "e30.e30.e30").error().code,
            errc::unauthenticated);
  EXPECT_TRUE(ask(gates_->accounts(), me_request{})->admin);
}

TEST_P(services_test, an_account_is_registered_used_refreshed_and_logged_out) {
  const auto made =
      ask(gates_->accounts(), register_request{"ada@example.org", {"long enough"}, "Ada"});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(ask(gates_->accounts(), register_request{"ADA@example.org", {"long enough"}, {}})
                .error()
                .code,
            errc::conflict);
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, made->access_token)->email, "ada@example.org");
  const auto next = ask(gates_->accounts(), refresh_request{{made->refresh_token}});
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_NE(next->refresh_token, made->refresh_token);
  ASSERT_TRUE(ask(gates_->accounts(), logout_request{}, next->access_token));
  EXPECT_EQ(ask(gates_->accounts(), refresh_request{{next->refresh_token}}).error().code,
            errc::unauthenticated);
  EXPECT_EQ(ask(gates_->accounts(), me_request{}, next->access_token).error().code,
            errc::unauthenticated);
}

TEST_P(services_test, a_password_of_another_system_is_kept_as_ours_after_its_first_sign_in) {
  const std::string foreign =
      "pbkdf2_sha256$1000$saltsalt1234$vCowWi1dB0WkHn96blKCnL2OG83kjxRxvy4fTd6Hm28=";
  auto row = account_rules::new_user("old@example.org", "Old", foreign, true);
  ASSERT_TRUE(stored<done>([&](auto r) { auth_.in.users->insert_user(row, {}, std::move(r)); }));
  const auto hash = [&] {
    return stored<user_row>([&](auto r) { auth_.in.users->user_by_id(row.id, std::move(r)); })
        ->password_hash;
  };
  EXPECT_FALSE(ask(gates_->accounts(), login_request{row.email, {"not it"}}));
  EXPECT_EQ(hash(), foreign);
  ASSERT_TRUE(ask(gates_->accounts(), login_request{row.email, {"correct horse"}}));
  EXPECT_TRUE(eventually([&] { return hash().starts_with("$argon2id$"); }));
  EXPECT_TRUE(ask(gates_->accounts(), login_request{row.email, {"correct horse"}}));
}

TEST_P(services_test, a_bad_request_names_its_field) {
  const auto r = ask(gates_->accounts(), register_request{"no-at-sign", {"long enough"}, {}});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().param, "email");
}

TEST_P(services_test, an_edge_with_closed_sign_up_lets_nobody_register) {
  const auto closed = make_edge_gates(system_, router_, {.signup_open = false});
  const register_request ada{"ada@example.org", {"long enough"}, "Ada"};
  EXPECT_EQ(ask(closed->accounts(), ada).error().code, errc::forbidden);
  EXPECT_TRUE(ask(gates_->accounts(), ada));
  EXPECT_TRUE(ask(closed->accounts(), login_request{"ada@example.org", {"long enough"}}));
}

TEST_P(services_test, documents_are_indexed_found_cited_and_their_owners_own) {
  const auto file =
      ask(gates_->documents(),
          create_file_request{"whales.md",
                              "assistants",
                              {"# Whales\n\nThe blue whale weighs 150 tons. It eats krill.\n"}});
  ASSERT_TRUE(file) << file.error().message;
  const auto store = ask(gates_->documents(), create_store_request{"sea", {{file->id}}, {}});
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE(eventually([&] {
    return ask(gates_->documents(), get_store_request{store->id})->file_counts_.completed == 1;
  }));
  collector got;
  chat_request chat;
  chat.model = "extract";
  chat.body.raw =
      R"({"model":"extract","messages":[{"role":"user","content":"How much does the blue whale weigh?"}]})";
  chat.retrieval = retrieval_options{{store->id}, 4};
  const auto control = gates_->chats().chat(context(), chat, got.sink());
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  EXPECT_NE((*got.end)->body.raw.find("150 tons"), std::string::npos);
  EXPECT_NE((*got.end)->body.raw.find("whales.md"), std::string::npos);

  const auto other =
      ask(gates_->accounts(), register_request{"bob@example.org", {"long enough"}, {}});
  ASSERT_TRUE(other);
  EXPECT_EQ(ask(gates_->documents(), get_file_request{file->id}, other->access_token).error().code,
            errc::not_found);
  search_request search;
  search.vector_store_id = store->id;
  search.query.raw = "\"whale\"";
  EXPECT_EQ(ask(gates_->documents(), search, other->access_token).error().code, errc::not_found);
  EXPECT_EQ(ask(gates_->documents(), search)->data.front().filename, "whales.md");
}

TEST_P(services_test, a_large_file_comes_back_whole_under_credit) {
  std::string bytes(300'000, 'x');
  for (std::size_t i = 0; i < bytes.size(); i += 997) bytes[i] = static_cast<char>('a' + i % 26);
  const auto file = ask(gates_->documents(), create_file_request{"big.txt", "assistants", {bytes}});
  ASSERT_TRUE(file) << file.error().message;
  std::mutex mutex;
  std::condition_variable changed;
  std::string got;
  std::optional<result<file_view>> end;
  stream_sink<file_chunk, file_view> sink;
  sink.delta = [&](file_chunk c) {
    const std::lock_guard lock(mutex);
    got += c.bytes.data;
    changed.notify_all();
  };
  sink.end = reply<file_view>([&](result<file_view> r) {
    const std::lock_guard lock(mutex);
    end = std::move(r);
    changed.notify_all();
  });
  const auto control = gates_->documents().content(context(), {file->id}, std::move(sink));
  for (std::size_t granted = 0; granted < bytes.size();) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 5s, [&] { return got.size() > granted || end; }));
    if (end) break;
    const auto more = got.size() - std::exchange(granted, got.size());
    lock.unlock();
    control->grant(64, static_cast<std::uint32_t>(more));
  }
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 5s, [&] { return end.has_value(); }));
  ASSERT_TRUE(*end) << end->error().message;
  EXPECT_EQ(got, bytes);
}

TEST_P(services_test, a_turn_is_remembered_and_anothers_conversation_is_not_found) {
  collector first;
  chat_request chat;
  chat.format = chat_format::events;
  chat.stream = true;
  chat.model = "far";
  chat.turn = chat_stream_body{"hello", {}, {}, std::vector<std::string>{}, {}};
  const auto before = provider_->last();
  const auto control = gates_->chats().chat(context(), chat, first.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != before; }));
  provider_->last()->sink.chunk(
      {R"({"choices":[{"index":0,"delta":{"content":"hi there"},"finish_reason":"stop"}]})"});
  provider_->last()->sink.end(json_text{});
  ASSERT_TRUE(first.wait_end());
  ASSERT_TRUE(*first.end) << first.end->error().message;
  EXPECT_EQ(first.deltas.front().event, "token");
  EXPECT_EQ(first.deltas.back().event, "done");

  collector second;
  chat.turn->conversation_id = (*first.end)->conversation_id;
  chat.turn->message = "again";
  const auto call = provider_->last();
  const auto more = gates_->chats().chat(context(), chat, second.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != call; }));
  EXPECT_NE(provider_->last()->body.raw.find("hi there"), std::string::npos)
      << "the turn before is context";
  more->cancel();
  ASSERT_TRUE(second.wait_end());

  collector third;
  chat.turn->conversation_id = "conv_nobodys";
  const auto none = gates_->chats().chat(context(), chat, third.sink());
  ASSERT_TRUE(third.wait_end());
  EXPECT_EQ(third.end->error().code, errc::not_found);
}

TEST_P(services_test, every_chat_leaves_a_record_in_the_log) {
  collector got;
  chat_request chat;
  chat.model = "extract";
  chat.body.raw = R"({"model":"extract","messages":[{"role":"user","content":"hello"}]})";
  const auto control = gates_->chats().chat(context(), chat, got.sink());
  ASSERT_TRUE(got.wait_end());
  list_logs_request list;
  list.service = "troupe.prompt";
  ASSERT_TRUE(eventually([&] { return ask(gates_->logs(), list)->data.size() == 1; }));
  EXPECT_TRUE(eventually([&] { return *keeper_.unacknowledged == 0; }));
  const auto record = ask(gates_->logs(), list)->data.front();
  EXPECT_EQ(record.message, "chat.completed");
  EXPECT_EQ(chat_json::string_field(record.attributes, "usage"), "estimated");
}

INSTANTIATE_TEST_SUITE_P(shapes, services_test, testing::Values(shape::near, shape::far),
                         shape_name);

} // namespace
} // namespace troupe
