#pragma once

#include "tests/support/helper_process.hpp"

#include <stdexcept>
#include <string>

namespace troupe::test {

/// A database server of the test's own (tests/support/sql_server.py), which ends with this object.
class sql_server_process {
public:
  /// `mariadb` or `postgresql`. Waits until it answers.
  explicit sql_server_process(const std::string& kind) : helper_(TROUPE_SQL_SERVER, {kind}) {
    const auto line = helper_.read_line();
    constexpr std::string_view before = "\"url\": \"";
    const auto at = line.find(before);
    if (at == line.npos) return;
    url_ = line.substr(at + before.size(), line.find('"', at + before.size()) - at - before.size());
  }

  [[nodiscard]] bool is_there() const noexcept { return !url_.empty(); }
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

  /// `fresh`, `kill`, `start` or `restart`; returns when it is done.
  void say(const std::string& word) {
    helper_.write_line(word);
    if (helper_.read_line() != "done")
      throw std::runtime_error("the test's database server did not do: " + word);
  }

private:
  helper_process helper_;
  std::string url_;
};

} // namespace troupe::test
