// Goal: the first SIGTERM or SIGINT is a wish, the second an order. Method: children that wait for
// signals, since a process has one signal mask and one fate.
#include "runtime/signals.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <functional>

namespace troupe {
namespace {

using std::chrono::milliseconds;

/// Runs `body` in a child and returns its exit code, or minus the signal that ended it. `body` says
/// over the pipe when it is ready; `then` gets the child's pid.
int in_child(const std::function<int(int ready)>& body,
             const std::function<void(pid_t, int)>& then) {
  int ready[2];
  if (::pipe(ready) != 0) return -1000;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body(ready[1]));
  then(child, ready[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void tell(int to) {
  ASSERT_EQ(::write(to, "r", 1), 1);
}

void await(int from) {
  char byte;
  ASSERT_EQ(::read(from, &byte, 1), 1);
}

TEST(shutdown_signal, each_of_the_two_signals_is_waited_for) {
  for (const int number : {SIGTERM, SIGINT}) {
    const int code = in_child(
        [](int ready) {
          shutdown_signal signals;
          if (signals.wait(milliseconds(0))) return 1;
          tell(ready);
          signals.wait_for_first();
          return signals.wait(milliseconds(0)) ? 0 : 2;
        },
        [&](pid_t child, int ready) {
          await(ready);
          ::kill(child, number);
        });
    EXPECT_EQ(code, 0) << number;
  }
}

TEST(shutdown_signal, a_second_signal_ends_the_process_at_once) {
  const int code = in_child(
      [](int ready) -> int {
        shutdown_signal signals;
        tell(ready);
        signals.wait_for_first();
        tell(ready);
        for (;;) ::pause(); // a drain that does not end
      },
      [](pid_t child, int ready) {
        await(ready);
        ::kill(child, SIGTERM);
        await(ready);
        ::kill(child, SIGINT);
      });
  EXPECT_EQ(code, 130);
}

TEST(shutdown_signal, a_request_counts_as_a_signal_and_a_broken_pipe_as_nothing) {
  const int code = in_child(
      [](int) {
        shutdown_signal signals;
        ::raise(SIGPIPE);
        std::thread other([&] { signals.request(); });
        signals.wait_for_first();
        other.join();
        return 7;
      },
      [](pid_t, int) {});
  EXPECT_EQ(code, 7);
}

} // namespace
} // namespace troupe
