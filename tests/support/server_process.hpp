#pragma once

#include "tests/support/helper_process.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::test {

/// A server of the test's own, run by a script of tests/support that prints a line with its `url`
/// and obeys words on its standard input. It ends with this object.
class server_process {
public:
  /// Runs `script kind`. Waits until the server answers.
  server_process(std::string script, std::string kind)
      : helper_(std::move(script), {std::move(kind)}) {
    const auto line = helper_.read_line();
    constexpr std::string_view before = "\"url\": \"";
    const auto at = line.find(before);
    if (at == line.npos) return;
    url_ = line.substr(at + before.size(), line.find('"', at + before.size()) - at - before.size());
  }

  /// False: the server is not installed.
  [[nodiscard]] bool is_there() const noexcept { return !url_.empty(); }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

  /// One of the script's words; returns when it is done.
  void say(const std::string& word) {
    helper_.write_line(word);
    if (helper_.read_line() != "done")
      throw std::runtime_error("the test's server did not do: " + word);
  }

private:
  helper_process helper_;
  std::string url_;
};

} // namespace troupe::test
