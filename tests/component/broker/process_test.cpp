// Goal: a node that is killed is noticed within a second and one that is frozen within four, on
// either side of a request. Method: the broker and one node live here, the other node is a second
// process of this program (the disabled test below), which gets the signals.
#include "broker/zmq_bus.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience = 10s) {
  return test::eventually(holds, patience);
}

bus_request request(std::string method, std::uint64_t n) {
  bus_request r;
  r.cid = {own_incarnation(), n};
  r.method = std::move(method);
  r.deadline = clock::now() + 60s;
  return r;
}

bus_config config_of(const std::string& broker, std::string role,
                     std::vector<bus_service> services) {
  return {{broker}, role, {role}, std::move(services)};
}

/// The second process: serves `held` without ever answering and `asked` by asking `near` itself.
TEST(second_process, DISABLED_works_until_it_is_killed) {
  const char* broker = std::getenv("TROUPE_TEST_BROKER");
  if (broker == nullptr) GTEST_SKIP() << "started by the other tests";
  std::atomic<bus*> self = nullptr;
  bus_handlers handlers{[](bus_answer) {},
                        [&](bus_work w) {
                          const auto* r = std::get_if<bus_request>(&w);
                          if (r == nullptr) return;
                          self.wait(nullptr);
                          if (r->method.starts_with("asked"))
                            self.load()->request(request("near.x/v1", 1));
                          else
                            self.load()->partial(r->cid, 1, "taken");
                        },
                        [](bool) {}};
  const auto link = make_zmq_bus(config_of(broker, "prompt", {{"held"}, {"asked"}}), handlers);
  self = link.get();
  self.notify_all();
  std::this_thread::sleep_for(60s);
}

class two_processes : public testing::Test {
protected:
  void SetUp() override {
    std::string why;
    broker_ = start_broker({"tcp://127.0.0.1:0"}, why);
    ASSERT_TRUE(broker_) << why;
    link_ = make_zmq_bus(config_of(broker_->address(), "prompt", {{"near"}}),
                         {[this](bus_answer a) {
                            if (std::holds_alternative<bus_partial>(a)) ++partials_;
                            if (auto* f = std::get_if<bus_failed>(&a)) {
                              std::lock_guard lock(mutex_);
                              failed_.push_back(f->why);
                            }
                          },
                          [this](bus_work w) {
                            if (std::holds_alternative<bus_request>(w)) ++taken_;
                            if (std::holds_alternative<bus_cancel>(w)) ++cancelled_;
                          },
                          [](bool) {}});
    ASSERT_TRUE(eventually([this] { return link_->linked(); }));
    start_second();
  }
  void TearDown() override {
    signal_second(SIGKILL);
    waitpid(second_, nullptr, 0);
    link_->stop();
  }
  void start_second() {
    const auto address = "TROUPE_TEST_BROKER=" + broker_->address();
    const char* args[] = {"second", "--gtest_also_run_disabled_tests",
                          "--gtest_filter=second_process.*", nullptr};
    const char* env[] = {address.c_str(), "ASAN_OPTIONS=detect_leaks=0", nullptr};
    ASSERT_EQ(posix_spawn(&second_, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(args),
                          const_cast<char**>(env)),
              0);
  }
  void signal_second(int which) const { kill(second_, which); }
  std::size_t failures() {
    std::lock_guard lock(mutex_);
    return failed_.size();
  }
  /// Asks `held` until the second process has it.
  void hold() {
    ASSERT_TRUE(eventually([this] {
      const auto before = failures();
      link_->request(request("held.x/v1", ++asked_));
      return eventually([&] { return partials_ > 0 || failures() > before; }, 2s) && partials_ > 0;
    }));
    std::lock_guard lock(mutex_);
    failed_.clear();
  }

  std::unique_ptr<broker_node> broker_;
  std::unique_ptr<bus> link_;
  pid_t second_ = 0;
  std::uint64_t asked_ = 0;
  std::atomic<int> partials_ = 0, taken_ = 0, cancelled_ = 0;
  std::mutex mutex_;
  std::vector<error> failed_; // guarded by mutex_
};

TEST_F(two_processes, a_killed_worker_is_noticed_within_a_second) {
  hold();
  const auto began = clock::now();
  signal_second(SIGKILL);
  ASSERT_TRUE(eventually([this] { return failures() == 1; }));
  EXPECT_LT(clock::now() - began, 1s);
  std::lock_guard lock(mutex_);
  EXPECT_EQ(failed_[0].code, errc::worker_lost);
  EXPECT_EQ(failed_[0].started, started_state::yes);
}

TEST_F(two_processes,
       a_frozen_worker_is_noticed_within_four_seconds_and_welcome_again_when_it_wakes) {
  hold();
  const auto began = clock::now();
  signal_second(SIGSTOP);
  ASSERT_TRUE(eventually([this] { return failures() == 1; }));
  EXPECT_LT(clock::now() - began, 4s);
  signal_second(SIGCONT);
  partials_ = 0;
  hold();
}

TEST_F(two_processes, what_a_killed_requester_asked_is_cancelled_within_a_second) {
  ASSERT_TRUE(eventually([this] {
    link_->request(request("asked.x/v1", ++asked_));
    return eventually([this] { return taken_ > 0; }, 100ms);
  }));
  const auto began = clock::now();
  signal_second(SIGKILL);
  EXPECT_TRUE(eventually([this] { return cancelled_ > 0; }));
  EXPECT_LT(clock::now() - began, 1s);
}

} // namespace
} // namespace troupe
