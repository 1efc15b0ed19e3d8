// Goal: all that a user has goes when its account goes, and nothing of another. Method: as
// services_test.cpp.
#include "tests/component/actors/services_fixture.hpp"

namespace troupe {
namespace {

class purge_test : public services_test {
protected:
  /// A user with something of every kind.
  struct owner {
    std::string id, token, file, store, conversation;
  };

  owner make_owner(const std::string& name) {
    const register_request request{name + "@example.org", {"long enough"}, name};
    const auto session = ask(gates_->accounts(), request).value();
    owner made{session.user.id, session.access_token, {}, {}, {}};
    made.file =
        ask(gates_->documents(),
            create_file_request{"whales.md", "assistants", {"# Whales\n\nThey eat krill.\n"}},
            made.token)
            .value()
            .id;
    made.store = ask(gates_->documents(), create_store_request{name, {{made.file}}, {}}, made.token)
                     .value()
                     .id;
    EXPECT_TRUE(eventually([&] { return found(made) == 1; })) << name;
    made.conversation = talk(made);
    append_logs_request logs;
    logs.records.push_back({log_level::info, name, "hello", {}, {}});
    EXPECT_TRUE(ask(gates_->logs(), logs, made.token));
    EXPECT_TRUE(eventually([&] { return records(made) == 2; })) << name;
    return made;
  }

  chat_request turn(const std::string& model) {
    chat_request chat;
    chat.format = chat_format::events;
    chat.stream = true;
    chat.model = model;
    chat.turn = chat_stream_body{"What do whales eat?", {}, {}, {}, {}};
    return chat;
  }
  /// One turn with the built-in model; answers the conversation.
  std::string talk(const owner& who) {
    collector got;
    auto c = context();
    c.credential = who.token;
    const auto control = gates_->chats().chat(c, turn("extract"), got.sink());
    EXPECT_TRUE(got.wait_end());
    return got.end->value().conversation_id;
  }
  errc go_on(const owner& who) {
    collector got;
    auto c = context();
    c.credential = who.token;
    auto chat = turn("extract");
    chat.turn->conversation_id = who.conversation;
    const auto control = gates_->chats().chat(c, chat, got.sink());
    EXPECT_TRUE(got.wait_end());
    return *got.end ? errc{} : got.end->error().code;
  }
  std::size_t found(const owner& who) {
    search_request search;
    search.vector_store_id = who.store;
    search.query.raw = "\"krill\"";
    const auto hits = ask(gates_->documents(), search, who.token);
    return hits ? hits->data.size() : 0;
  }
  std::size_t records(const owner& who) {
    return ask(gates_->logs(), list_logs_request{}, who.token)->data.size();
  }
  std::size_t documents(const owner& who) {
    return ask(gates_->documents(), list_files_request{}, who.token)->data.size() +
           ask(gates_->documents(), list_stores_request{}, who.token)->data.size();
  }
};

TEST_P(purge_test, all_of_a_user_goes_and_nothing_of_another) {
  const auto to = as_auth();
  const auto ada = make_owner("ada"), bob = make_owner("bob");
  const auto deleted = [&](const auto& service, auto request) {
    request.user = ada.id;
    const auto purged = ask_service(service, request);
    EXPECT_TRUE(purged) << purged.error().message;
    return purged ? purged->deleted : 0;
  };
  EXPECT_EQ(deleted(to.retrieval, purge_documents_request{}), 2u);
  EXPECT_EQ(deleted(to.prompt, purge_conversations_request{}), 1u);
  EXPECT_EQ(deleted(to.log, purge_logs_request{}), 2u);
  EXPECT_EQ(documents(ada), 0u);
  EXPECT_EQ(found(ada), 0u);
  EXPECT_EQ(records(ada), 0u);
  EXPECT_EQ(go_on(ada), errc::not_found);
  EXPECT_TRUE(eventually([&] { return records(ada) == 1; })) << "of the chat just now";
  EXPECT_EQ(documents(bob), 2u);
  EXPECT_EQ(found(bob), 1u);
  EXPECT_EQ(records(bob), 2u);
  EXPECT_EQ(go_on(bob), errc{});
  EXPECT_EQ(deleted(to.retrieval, purge_documents_request{}), 0u) << "it may be repeated";
  EXPECT_EQ(deleted(to.prompt, purge_conversations_request{}), 0u);
  EXPECT_EQ(deleted(to.log, purge_logs_request{}), 1u);
}

TEST_P(purge_test, a_chat_that_runs_on_ends_well_and_leaves_nothing_behind) {
  const auto to = as_auth();
  const auto ada = make_owner("ada");
  collector got;
  auto c = context();
  c.credential = ada.token;
  const auto control = gates_->chats().chat(c, turn("far"), got.sink());
  ASSERT_TRUE(eventually([&] { return provider_->last() != nullptr; }));
  const auto chunk =
      json_text{R"({"choices":[{"index":0,"delta":{"content":"krill"},"finish_reason":"stop"}]})"};
  provider_->last()->sink.chunk(chunk);
  ASSERT_TRUE(got.wait([&] { return !got.deltas.empty(); }));
  EXPECT_EQ(ask_service(to.prompt, purge_conversations_request{ada.id})->deleted, 2u);
  EXPECT_EQ(ask_service(to.log, purge_logs_request{ada.id})->deleted, 2u);
  provider_->last()->sink.end(json_text{});
  ASSERT_TRUE(got.wait_end());
  ASSERT_TRUE(*got.end) << got.end->error().message;
  EXPECT_EQ(got.deltas.back().event, "done");
  EXPECT_EQ(ask_service(to.prompt, purge_conversations_request{ada.id})->deleted, 0u);
  EXPECT_TRUE(eventually([&] { return *keeper_.unacknowledged == 0; }));
  EXPECT_EQ(records(ada), 0u);
}

TEST_P(purge_test, an_edge_cannot_ask_for_it) {
  if (GetParam() == shape::near) GTEST_SKIP() << "near, the router's type has no such request";
  const auto router = caf::actor_cast<any_service::actor>(router_);
  const auto refused = [&](auto request) {
    request.user = "anyone";
    const auto r = ask_service(router, request);
    return !r && r.error().code == errc::not_found;
  };
  EXPECT_TRUE(refused(purge_documents_request{}));
  EXPECT_TRUE(refused(purge_conversations_request{}));
  EXPECT_TRUE(refused(purge_logs_request{}));
}

INSTANTIATE_TEST_SUITE_P(shapes, purge_test, testing::Values(shape::near, shape::far), shape_name);

} // namespace
} // namespace troupe
