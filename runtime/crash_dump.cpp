#include "runtime/crash_dump.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t path_bytes = 1008;
constexpr std::array crashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// All that a signal handler touches. Written before `size` is set, and not while it is.
struct dump {
  std::array<std::array<char, path_bytes>, crash_dump::old_dumps + 1> paths{}; ///< newest first
  std::atomic<const std::byte*> memory{nullptr};
  std::atomic<std::size_t> size{0};
  std::atomic_flag is_writing;
  std::array<struct sigaction, crashes.size() + 1> before{};
};
dump the_dump;

/// Only what POSIX lets a signal handler call.
void write_down() noexcept {
  if (the_dump.is_writing.test_and_set()) return;
  const auto size = the_dump.size.load(); // after it: who ends the dump waits from then on
  const auto* memory = the_dump.memory.load();
  if (size == 0) return the_dump.is_writing.clear();
  const auto& paths = the_dump.paths;
  for (std::size_t n = paths.size() - 1; n > 0; --n) ::rename(paths[n - 1].data(), paths[n].data());
  const int file = ::open(paths[0].data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (std::size_t done = 0; file >= 0 && done < size;) {
    const auto n = ::write(file, memory + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (file >= 0) ::close(file);
  the_dump.is_writing.clear();
}

/// Another thread may be writing, of its own crash or on request: the end waits for it.
void on_crash(int signal) {
  write_down();
  for (int n = 0; n < 200 && the_dump.is_writing.test(); ++n) ::poll(nullptr, 0, 10);
  ::signal(signal, SIG_DFL);
  ::raise(signal); // held back until this returns, and then the end
}

void on_request(int) {
  const int before = errno;
  write_down();
  errno = before;
}

void install() {
  struct sigaction how{};
  sigfillset(&how.sa_mask);
  how.sa_flags = SA_RESTART;
  how.sa_handler = on_crash;
  for (std::size_t n = 0; n < crashes.size(); ++n)
    ::sigaction(crashes[n], &how, &the_dump.before[n]);
  how.sa_handler = on_request;
  ::sigaction(SIGUSR2, &how, &the_dump.before.back());
}

} // namespace

result<crash_dump> crash_dump::begin(const std::filesystem::path& file,
                                     std::span<const std::byte> memory) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const auto name = file.string();
  if (name.size() > 1000) return fail(errc::invalid_argument, "the path is too long: " + name);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return fail(errc::invalid_argument, "cannot write into " + folder.string());
  if (the_dump.size.load() != 0) return fail(errc::conflict, "this process has a dump already");
  for (std::size_t n = 0; n < the_dump.paths.size(); ++n) {
    const auto path = n == 0 ? name : name + '.' + std::to_string(n);
    path.copy(the_dump.paths[n].data(), path.size());
    the_dump.paths[n][path.size()] = '\0';
  }
  the_dump.memory = memory.data();
  the_dump.size = memory.size();
  install();
  return crash_dump();
}

crash_dump::crash_dump(crash_dump&& other) noexcept
    : is_mine_(std::exchange(other.is_mine_, false)) {}

crash_dump::~crash_dump() {
  if (!is_mine_) return;
  for (std::size_t n = 0; n < crashes.size(); ++n)
    ::sigaction(crashes[n], &the_dump.before[n], nullptr);
  // A request on its way must not end the process.
  std::signal(SIGUSR2, SIG_IGN);
  the_dump.size = 0;
  while (the_dump.is_writing.test()) ::poll(nullptr, 0, 1);
}

} // namespace troupe
