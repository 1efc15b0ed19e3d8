#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <stdexcept>
#include <string>

extern char** environ;

namespace troupe::test {

/// A server of the test's own, run by a script of tests/support that prints a line with its `url`
/// and obeys words on its standard input. It ends with this object.
class server_process {
public:
  /// Runs `script kind`. Waits until the server answers.
  server_process(std::string script, std::string kind) {
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    char* arguments[] = {script.data(), kind.data(), nullptr};
    const int failed = ::posix_spawn(&pid_, script.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = ::fdopen(from[0], "r");
    if (failed != 0) throw std::runtime_error("cannot start " + script);
    const auto line = read_line();
    constexpr std::string_view before = "\"url\": \"";
    const auto at = line.find(before);
    if (at == line.npos) return;
    url_ = line.substr(at + before.size(), line.find('"', at + before.size()) - at - before.size());
  }
  ~server_process() {
    ::close(to_);
    std::fclose(from_);
    ::waitpid(pid_, nullptr, 0);
  }
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  /// False: the server is not installed.
  [[nodiscard]] bool is_there() const noexcept { return !url_.empty(); }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

  /// One of the script's words; returns when it is done.
  void say(const std::string& word) {
    const auto line = word + '\n';
    if (::write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
        read_line() != "done")
      throw std::runtime_error("the test's server did not do: " + word);
  }

private:
  std::string read_line() {
    std::string out;
    for (int c = std::fgetc(from_); c != EOF && c != '\n'; c = std::fgetc(from_))
      out += static_cast<char>(c);
    return out;
  }

  pid_t pid_ = -1;
  int to_ = -1;
  std::FILE* from_ = nullptr;
  std::string url_;
};

} // namespace troupe::test
