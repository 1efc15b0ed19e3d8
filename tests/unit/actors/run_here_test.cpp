#include "actors/support/run_here.hpp"

#include "actors/support/message_types.hpp"

#include <gtest/gtest.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace troupe {
namespace {

caf::behavior run_tasks(caf::event_based_actor*) {
  return {[](self_task& t) { (*t.run)(); }};
}

class run_here_test : public testing::Test {
protected:
  run_here_test() {
    // A fresh actor is the scheduler's until its first turn is over.
    for (const auto& actor : {first_, second_}) {
      const auto here = std::this_thread::get_id();
      const auto ran_on = std::make_shared<std::atomic<std::thread::id>>();
      for (int i = 0; i < 5000 && ran_on->load() != here; ++i) {
        run_here(actor, make_task([ran_on] { *ran_on = std::this_thread::get_id(); }));
        if (ran_on->load() != here) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      EXPECT_EQ(ran_on->load(), here);
    }
  }
  ~run_here_test() override {
    caf::anon_send_exit(first_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(second_, caf::exit_reason::user_shutdown);
  }
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::actor first_ = system_.spawn(run_tasks), second_ = system_.spawn(run_tasks);
};

TEST_F(run_here_test, runs_the_actor_on_this_thread_before_it_returns) {
  std::thread::id ran_on;
  run_here(first_, make_task([&] { ran_on = std::this_thread::get_id(); }));
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_EQ(thread_runner::current(), nullptr);
}

TEST_F(run_here_test, runs_whom_the_actor_sends_to_after_it_and_not_inside_it) {
  std::string order;
  run_here(first_, make_task([&] {
             post_to(second_, make_task([&] { order += 'b'; }));
             run_here(second_, make_task([&] { order += 'c'; }));
             order += 'a';
           }));
  EXPECT_EQ(order, "abc");
}

TEST_F(run_here_test, sends_to_the_scheduler_where_nothing_runs_actors) {
  std::promise<std::thread::id> ran_on;
  post_to(first_, make_task([&] { ran_on.set_value(std::this_thread::get_id()); }));
  EXPECT_NE(ran_on.get_future().get(), std::this_thread::get_id());
}

TEST_F(run_here_test, leaves_an_actor_to_the_thread_that_runs_it) {
  std::promise<void> began, may_end;
  std::atomic<bool> overlapped = false, is_running = false;
  std::promise<std::thread::id> second_ran;
  std::thread other([&] {
    run_here(first_, make_task([&] {
               is_running = true;
               began.set_value();
               may_end.get_future().wait();
               is_running = false;
             }));
  });
  began.get_future().wait();
  run_here(first_, make_task([&] {
             overlapped = is_running.load();
             second_ran.set_value(std::this_thread::get_id());
           }));
  const auto of_other = other.get_id();
  may_end.set_value();
  EXPECT_EQ(second_ran.get_future().get(), of_other);
  EXPECT_FALSE(overlapped);
  other.join();
}

TEST_F(run_here_test, returns_to_its_caller_although_two_actors_never_stop) {
  std::atomic<int> turns = 0;
  std::atomic<bool> is_over = false;
  std::promise<void> ended;
  std::function<void(bool)> next = [&](bool to_second) {
    ++turns;
    if (is_over) return ended.set_value();
    post_to(to_second ? second_ : first_, make_task([&, to_second] { next(!to_second); }));
  };
  run_here(first_, make_task([&] { next(true); }));
  EXPECT_GE(turns, 60);
  is_over = true;
  ended.get_future().wait();
}

} // namespace
} // namespace troupe
