#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

extern char** environ;

namespace troupe::test {

/// A helper program of tests/support that talks in lines over its standard input and output, and
/// ends when its input ends, which is when this object does.
class helper_process {
public:
  explicit helper_process(std::string program, std::vector<std::string> arguments = {}) {
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    std::vector<char*> words{program.data()};
    for (auto& each : arguments) words.push_back(each.data());
    words.push_back(nullptr);
    const int failed =
        ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = ::fdopen(from[0], "r");
    if (failed != 0) throw std::runtime_error("cannot start " + program);
  }
  ~helper_process() {
    ::close(to_);
    std::fclose(from_);
    ::waitpid(pid_, nullptr, 0);
  }
  helper_process(const helper_process&) = delete;
  helper_process& operator=(const helper_process&) = delete;

  /// The next line without its end; empty when the program has ended.
  [[nodiscard]] std::string read_line() {
    std::string out;
    for (int c = std::fgetc(from_); c != EOF && c != '\n'; c = std::fgetc(from_))
      out += static_cast<char>(c);
    return out;
  }

  void write_line(std::string_view text) {
    const auto line = std::string(text) + '\n';
    if (::write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error("the helper program does not read");
  }

private:
  pid_t pid_ = -1;
  int to_ = -1;
  std::FILE* from_ = nullptr;
};

} // namespace troupe::test
