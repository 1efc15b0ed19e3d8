// Goal: an actor that takes nothing is seen within a beat, and so is its recovery; a scheduler that
// runs nothing is seen as well. Method: a real scheduler for the pulse; what it sends to the
// watched "actors" is taken by the test, or not.
#include "actors/supervision/pulse.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <gtest/gtest.h>
#include <mutex>
#include <thread>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

class watched {
public:
  pulse::post post() {
    return [this](const self_task& beat) {
      const std::lock_guard lock(mutex_);
      is_hung_ ? waiting_.push_back(beat) : (*beat.run)();
    };
  }
  void hang() {
    const std::lock_guard lock(mutex_);
    is_hung_ = true;
  }
  std::size_t go_on() {
    const std::lock_guard lock(mutex_);
    is_hung_ = false;
    for (auto& beat : waiting_) (*beat.run)();
    return std::exchange(waiting_, {}).size();
  }

private:
  std::mutex mutex_;
  bool is_hung_ = false;
  std::vector<self_task> waiting_;
};

template <class Condition>
bool within(std::chrono::milliseconds time, Condition what) {
  for (const auto end = clock::now() + time; clock::now() < end;) {
    if (what()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return what();
}

TEST(pulse, sees_who_hangs_and_who_goes_on) {
  caf::actor_system_config settings;
  caf::actor_system system(settings);
  watched one, other;
  const pulse seen(system, {one.post(), other.post()}, 20ms);
  const auto stuck = seen.stuck();
  EXPECT_TRUE(within(2s, [&] { return stuck() == 0ms; }));
  one.hang();
  EXPECT_TRUE(within(5s, [&] { return stuck() >= 200ms; }));
  EXPECT_EQ(one.go_on(), 1u) << "one beat waits, however long it takes";
  EXPECT_TRUE(within(2s, [&] { return stuck() < 100ms; }));
}

TEST(pulse, sees_a_scheduler_that_runs_nothing) {
  std::function<std::chrono::milliseconds()> stuck;
  {
    caf::actor_system_config settings;
    caf::actor_system system(settings);
    const pulse seen(system, {}, 20ms);
    stuck = seen.stuck();
    EXPECT_TRUE(within(2s, [&] { return stuck() == 0ms; }));
  }
  EXPECT_TRUE(within(2s, [&] { return stuck() >= 200ms; }));
}

} // namespace
} // namespace troupe
