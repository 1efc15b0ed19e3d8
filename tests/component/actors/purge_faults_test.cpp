// Goal: a purge takes what is being indexed and what is on its way to the log, too, and one that
// failed in the middle is finished by the next. Method: the actors retrieval and prompt on memory
// stores; an index and a log that hold or refuse work when the test says so.
#include "actors/log/record_keeper.hpp"
#include "actors/prompt/prompt_actor.hpp"
#include "actors/retrieval/retrieval_actor.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/documents/document_reader.hpp"
#include "adapters/memory/memory_stores.hpp"
#include "adapters/vector/passage_index.hpp"
#include "tests/support/actor_settings.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using test::eventually;

/// An index whose answers to `put` come when the test says so, and which may refuse work.
class index_in_hand final : public passage_index {
public:
  explicit index_in_hand(std::unique_ptr<passage_index> real) : real_(std::move(real)) {}

  void put(std::string store, std::string file, std::vector<passage> passages,
           reply<std::int64_t> answer) override {
    if (put_refusals.fetch_sub(1) > 0) return answer.fail(gone());
    real_->put(std::move(store), std::move(file), std::move(passages),
               reply<std::int64_t>([this, answer = std::move(answer)](auto r) mutable {
                 const std::lock_guard lock(mutex_);
                 if (!holds_) return answer(std::move(r));
                 held_.push_back([answer = std::move(answer), r]() mutable { answer(r); });
               }));
  }
  void remove_file(std::string store, std::string file, reply<done> answer) override {
    real_->remove_file(std::move(store), std::move(file), std::move(answer));
  }
  void remove_store(std::string store, reply<done> answer) override {
    real_->remove_store(std::move(store), std::move(answer));
  }
  void purge_store(std::string store, std::uint32_t max, reply<purge_step> answer) override {
    if (purge_refusals.fetch_sub(1) > 0) return answer.fail(gone());
    real_->purge_store(std::move(store), max, std::move(answer));
  }
  void search(search_scope scope, std::string query, std::uint32_t max, ranking how,
              reply<std::vector<passage_hit>> answer) override {
    real_->search(std::move(scope), std::move(query), max, how, std::move(answer));
  }

  void hold() {
    const std::lock_guard lock(mutex_);
    holds_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    holds_ = false;
    for (auto& answer : std::exchange(held_, {})) answer();
  }
  std::size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }

  std::atomic<int> put_refusals = 0, purge_refusals = 0;

private:
  static error gone() { return make_error(errc::unavailable, "the disk is gone"); }

  std::unique_ptr<passage_index> real_;
  std::mutex mutex_;
  bool holds_ = false;                                // guarded by mutex_
  std::vector<std::move_only_function<void()>> held_; // guarded by mutex_
};

/// What a held_log has got, and what it says to it.
struct log_in_hand {
  enum class word : std::uint8_t { nothing, yes, no };
  std::atomic<int> appended = 0;
  std::atomic<word> says = word::nothing;
};

class held_log final : public service_base<log_service> {
public:
  static inline const char* actor_name = "held_log";

  held_log(pointer self, slot_registry& slots, std::shared_ptr<log_in_hand> hand)
      : service_base(self, slots), hand_(std::move(hand)) {}
  using service_base::on;

  void on(call<append_logs_request>&, answer<append_logs_reply> a) {
    ++hand_->appended;
    wait(std::move(a));
  }
  template <class Request>
  void on(call<Request>&, answer<reply_of<Request>> a) {
    a(reply_of<Request>{});
  }

private:
  using word = log_in_hand::word;

  void wait(answer<append_logs_reply> a) {
    if (hand_->says == word::yes) return a(append_logs_reply{});
    if (hand_->says == word::no) return a.fail(make_error(errc::unavailable, "the log is away"));
    later(2ms, [this, a = std::move(a)]() mutable { wait(std::move(a)); });
  }

  std::shared_ptr<log_in_hand> hand_;
};

class purge_faults : public testing::Test {
protected:
  ~purge_faults() override {
    index_->release();
    for (auto& a : actors_) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  }

  template <class Handle>
  Handle keep(Handle h) {
    actors_.push_back(caf::actor_cast<caf::actor>(h));
    return h;
  }

  template <class Request, class Handle>
  std::future<result<reply_of<Request>>> begin(const Handle& to, Request request,
                                               const std::string& user = "ada") {
    call<Request> c{{}, std::move(request), {}};
    c.op.cid = make_call_id();
    c.op.deadline = std::chrono::steady_clock::now() + 10s;
    c.op.who.user = user;
    auto answered = std::make_shared<std::promise<result<reply_of<Request>>>>();
    system_.spawn([to, answered, c = std::move(c)](caf::event_based_actor* self) mutable {
      self->request(to, caf::infinite, std::move(c))
          .then([answered](outcome<reply_of<Request>>& r) { answered->set_value(std::move(r)); },
                [answered](caf::error& e) { answered->set_value(std::unexpected(from_caf(e))); });
    });
    return answered->get_future();
  }
  template <class Request, class Handle>
  result<reply_of<Request>> ask(const Handle& to, Request request,
                                const std::string& user = "ada") {
    return begin(to, std::move(request), user).get();
  }

  std::string add_file() {
    return ask(retrieval_, create_file_request{"whales.md", "assistants", {"Whales eat krill."}})
        .value()
        .id;
  }
  std::string add_store(const std::vector<std::string>& files) {
    return ask(retrieval_, create_store_request{"sea", files, {}}).value().id;
  }
  /// What the index itself finds in a store, whoever owns it.
  std::size_t passages_in(const std::string& store) {
    std::promise<result<std::vector<passage_hit>>> found;
    index_->search({{store}, {}}, "krill", 10, ranking::bm25,
                   reply<std::vector<passage_hit>>([&](auto r) { found.set_value(std::move(r)); }));
    return found.get_future().get().value().size();
  }

  test::actor_settings cfg_;
  caf::actor_system system_{cfg_};
  std::shared_ptr<index_in_hand> index_ =
      std::make_shared<index_in_hand>(make_memory_passage_index(make_hashing_embedder()));
  memory_prompt_stores stores_ = make_memory_prompt_stores();
  std::shared_ptr<log_in_hand> log_ = std::make_shared<log_in_hand>();
  std::vector<caf::actor> actors_;
  retrieval_service::actor retrieval_ =
      keep(spawn_retrieval(system_, {std::move(stores_.files), std::move(stores_.stores), index_,
                                     make_document_reader(), make_digests()}));
};

TEST_F(purge_faults, what_is_being_indexed_goes_too) {
  index_->hold();
  const auto store =
      add_store({add_file(), add_file(), add_file(), add_file(), add_file(), add_file()});
  ASSERT_TRUE(eventually([&] { return index_->held() == 4; })) << "two more wait";
  EXPECT_EQ(passages_in(store), 4u) << "indexed, but the service does not know it yet";
  auto purged = begin(retrieval_, purge_documents_request{"ada"});
  EXPECT_EQ(purged.wait_for(50ms), std::future_status::timeout) << "it waits for them";
  index_->release();
  EXPECT_EQ(purged.get()->deleted, 7u);
  EXPECT_EQ(passages_in(store), 0u);
  EXPECT_EQ(index_->held(), 0u);
}

TEST_F(purge_faults, a_purge_that_failed_in_the_middle_is_finished_by_the_next) {
  const auto first = add_store({add_file()}), second = add_store({add_file()});
  ASSERT_TRUE(eventually([&] { return passages_in(first) + passages_in(second) == 2; }));
  index_->purge_refusals = 1;
  const auto failed = ask(retrieval_, purge_documents_request{"ada"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::unavailable);
  EXPECT_EQ(passages_in(first) + passages_in(second), 2u);
  EXPECT_EQ(ask(retrieval_, purge_documents_request{"ada"})->deleted, 4u);
  EXPECT_EQ(passages_in(first) + passages_in(second), 0u);
  EXPECT_EQ(ask(retrieval_, purge_documents_request{"ada"})->deleted, 0u);
}

TEST_F(purge_faults, a_file_that_left_its_store_between_two_tries_to_index_it_leaves_no_passages) {
  index_->put_refusals = 1;
  const auto file = add_file(), store = add_store({file});
  ASSERT_TRUE(eventually([&] { return index_->put_refusals == 0; }));
  ASSERT_TRUE(ask(retrieval_, detach_file_request{store, file}));
  index_->hold();
  ASSERT_TRUE(eventually([&] { return index_->held() == 1; })) << "it is tried again";
  EXPECT_EQ(passages_in(store), 1u);
  index_->release();
  EXPECT_TRUE(eventually([&] { return passages_in(store) == 0; }));
}

TEST_F(purge_faults, anothers_file_that_is_being_indexed_is_indexed) {
  index_->hold();
  const auto theirs = ask(retrieval_, create_file_request{"b.md", "assistants", {"krill"}}, "bob");
  const auto store = ask(retrieval_, create_store_request{"b", {{theirs->id}}, {}}, "bob");
  ASSERT_TRUE(eventually([&] { return index_->held() == 1; }));
  add_store({add_file()});
  ASSERT_TRUE(eventually([&] { return index_->held() == 2; }));
  auto purged = begin(retrieval_, purge_documents_request{"ada"});
  index_->release();
  EXPECT_EQ(purged.get()->deleted, 2u);
  EXPECT_TRUE(eventually([&] {
    return ask(retrieval_, get_store_request{store->id}, "bob")->file_counts_.completed == 1;
  }));
  EXPECT_EQ(passages_in(store->id), 1u);
}

class prompt_purge : public purge_faults {
protected:
  void chat(const std::string& user) {
    chat_request request;
    request.model = "extract";
    request.body.raw = R"({"model":"extract","messages":[{"role":"user","content":"hi"}]})";
    ASSERT_TRUE(ask(prompt_, request, user));
  }
  prompt_service::actor spawn() {
    prompt_deps d;
    d.embed = make_hashing_embedder();
    d.conversations = std::move(stores_.conversations);
    d.retrieval = retrieval_;
    const auto log = keep(spawn_service<log_service, held_log>(system_, log_));
    const auto keeper = spawn_record_keeper(system_, log, near_log_gathers);
    keep(keeper.actor);
    d.keep_record = keeper.keep;
    d.forget_records = keeper.forget;
    return keep(spawn_prompt(system_, d));
  }

  prompt_service::actor prompt_ = spawn();
};

TEST_F(prompt_purge, it_answers_when_no_usage_record_of_the_user_is_on_its_way) {
  chat("ada");
  ASSERT_TRUE(eventually([&] { return log_->appended == 1; }));
  chat("ada"); // its record waits behind the batch
  auto purged = begin(prompt_, purge_conversations_request{"ada"});
  EXPECT_EQ(purged.wait_for(50ms), std::future_status::timeout) << "the log has not answered";
  EXPECT_TRUE(ask(prompt_, purge_conversations_request{"bob"})) << "no record of this one";
  log_->says = log_in_hand::word::yes;
  EXPECT_TRUE(purged.get());
  std::this_thread::sleep_for(20ms); // the time of four batches
  EXPECT_EQ(log_->appended, 1) << "the record that waited is dropped";
}

TEST_F(prompt_purge, a_log_that_refuses_the_users_record_is_told_and_a_repetition_ends_well) {
  chat("ada");
  ASSERT_TRUE(eventually([&] { return log_->appended == 1; }));
  auto purged = begin(prompt_, purge_conversations_request{"ada"});
  EXPECT_EQ(purged.wait_for(50ms), std::future_status::timeout);
  log_->says = log_in_hand::word::no;
  const auto failed = purged.get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::unavailable);
  log_->says = log_in_hand::word::yes; // to the same batch, which is sent again after a second
  EXPECT_TRUE(ask(prompt_, purge_conversations_request{"ada"}));
  EXPECT_EQ(log_->appended, 2);
}

} // namespace
} // namespace troupe
