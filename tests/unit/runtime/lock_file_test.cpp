// Goal: one holder at a time, known by name, and none after a kill -9. Method: child processes that
// hold a lock in a scratch folder.
#include "runtime/lock_file.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

namespace troupe {
namespace {

using test::scratch_folder;

/// A child that holds the lock until it is killed.
class holding_child {
public:
  explicit holding_child(const std::filesystem::path& file) {
    int ready[2];
    if (::pipe(ready) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      auto taken = lock_file::take(file, "role auth");
      const char byte = taken ? 'y' : 'n';
      if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char byte = 'n';
    holds_ = ::read(ready[0], &byte, 1) == 1 && byte == 'y';
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~holding_child() { kill(); }

  bool holds() const { return holds_; }
  pid_t pid() const { return pid_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

private:
  pid_t pid_ = -1;
  bool holds_ = false;
};

TEST(lock_file, the_second_one_learns_who_holds_it) {
  const scratch_folder folder;
  const auto file = folder.path() / "new" / "auth.lock";
  const holding_child child(file);
  ASSERT_TRUE(child.holds());
  auto second = lock_file::take(file, "role auth");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  EXPECT_EQ(second.error().message,
            file.string() + " is held by pid " + std::to_string(child.pid()) + " (role auth)");
}

TEST(lock_file, a_killed_holder_leaves_it_free) {
  const scratch_folder folder;
  const auto file = folder.path() / "auth.lock";
  holding_child child(file);
  ASSERT_TRUE(child.holds());
  child.kill();
  EXPECT_TRUE(lock_file::take(file, "role auth"));
}

TEST(lock_file, it_is_free_again_when_its_object_is_gone) {
  const scratch_folder folder;
  const auto file = folder.path() / "log.lock";
  {
    auto first = lock_file::take(file, "role log");
    ASSERT_TRUE(first);
    auto moved = std::move(*first);
    EXPECT_FALSE(lock_file::take(file, "role log"));
  }
  EXPECT_TRUE(lock_file::take(file, "role log"));
}

TEST(lock_file, a_folder_that_cannot_be_made_is_an_error_with_its_name) {
  const scratch_folder folder;
  const auto blocker = folder.write("file", "x");
  auto taken = lock_file::take(blocker / "auth.lock", "role auth");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::unavailable);
  EXPECT_TRUE(taken.error().message.contains(blocker.string())) << taken.error().message;
}

} // namespace
} // namespace troupe
