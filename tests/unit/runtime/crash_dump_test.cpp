// Goal: what is in memory when the process crashes, or is asked for it, is in a file afterwards,
// and old files do not pile up. Method: children that crash, since a process has one fate.
#include "runtime/crash_dump.hpp"
#include "messages/base/thread_signals.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

namespace troupe {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::span<const std::byte> memory_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// The signal that ended the child, or minus its exit code.
int in_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

class crash_dumps : public testing::Test {
protected:
  /// A child that has a dump and then does this.
  int crash(const std::string& text, const std::function<void()>& how) {
    return in_child([&] {
      const auto dump = crash_dump::begin(file_, memory_of(text));
      if (!dump) ::_exit(9);
      how();
    });
  }

  test::scratch_folder folder_;
  const std::filesystem::path file_ = folder_.path() / "flight.bin";
};

TEST_F(crash_dumps, a_crash_leaves_the_memory_in_the_file_and_ends_as_it_would_have) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    const auto text = "memory of " + std::to_string(signal);
    EXPECT_EQ(crash(text, [&] { ::raise(signal); }), signal);
    EXPECT_EQ(content(file_), text);
  }
  EXPECT_EQ(crash("real", [] { *static_cast<volatile int*>(nullptr) = 1; }), SIGSEGV);
  EXPECT_EQ(content(file_), "real");
  EXPECT_EQ(crash("of another thread", [] { std::thread([] { std::abort(); }).join(); }), SIGABRT);
  EXPECT_EQ(content(file_), "of another thread");
  EXPECT_EQ(crash("of a thread without signals",
                  [] {
                    std::thread([] {
                      leave_signals_to_main();
                      *static_cast<volatile int*>(nullptr) = 1;
                    }).join();
                  }),
            SIGSEGV);
  EXPECT_EQ(content(file_), "of a thread without signals");
}

TEST_F(crash_dumps, who_asks_gets_it_and_the_process_goes_on) {
  std::string text = "before";
  EXPECT_EQ(crash(text,
                  [&] {
                    ::raise(SIGUSR2);
                    if (content(file_) != "before") ::_exit(8);
                    ::raise(SIGUSR2);
                    if (content(file_.string() + ".1") != "before") ::_exit(7);
                  }),
            0);
}

TEST_F(crash_dumps, a_bounded_number_of_old_ones_is_kept) {
  for (int n = 1; n <= 7; ++n) (void)crash(std::to_string(n), [] { std::abort(); });
  EXPECT_EQ(content(file_), "7");
  for (int n = 1; n <= crash_dump::old_dumps; ++n)
    EXPECT_EQ(content(file_.string() + '.' + std::to_string(n)), std::to_string(7 - n));
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    ++files;
  EXPECT_EQ(files, 1u + crash_dump::old_dumps);
}

TEST_F(crash_dumps, only_its_owner_may_read_it) {
  (void)crash("secret", [] { std::abort(); });
  EXPECT_EQ(std::filesystem::status(file_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(crash_dumps, without_its_folder_it_does_not_begin_and_there_is_one_at_a_time) {
  const std::string text = "x";
  EXPECT_EQ(crash_dump::begin(folder_.path() / "none" / "f", memory_of(text)).error().code,
            errc::invalid_argument);
  EXPECT_EQ(in_child([&] {
              {
                const auto first = crash_dump::begin(file_, memory_of(text));
                const auto second = crash_dump::begin(file_, memory_of(text));
                if (!first || second || second.error().code != errc::conflict) ::_exit(6);
              }
              if (!crash_dump::begin(file_, memory_of(text))) ::_exit(5);
              ::raise(SIGUSR2); // nobody has one any more: nothing happens
              if (std::filesystem::exists(file_)) ::_exit(4);
            }),
            0);
}

} // namespace
} // namespace troupe
