#pragma once

#include "adapters/mail/smtp_mailer.hpp"
#include "tests/support/helper_process.hpp"

#include <gtest/gtest.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

using namespace std::chrono_literals;

/// A real mail server (tests/support/smtp_sink.py says what it does with which recipient).
class smtp_sink {
public:
  explicit smtp_sink(std::vector<std::string> flags = {})
      : helper_(TROUPE_SMTP_SINK, std::move(flags)), port_(helper_.read_line()) {}

  /// False: aiosmtpd is not installed.
  [[nodiscard]] bool is_there() const noexcept { return !port_.empty(); }
  [[nodiscard]] std::string url(const std::string& scheme = "smtp",
                                const std::string& login = {}) const {
    return scheme + "://" + login + (login.empty() ? "" : "@") + "127.0.0.1:" + port_;
  }
  /// The next mail that it took, as Python's email package reads it. Waits.
  [[nodiscard]] boost::json::object next() {
    return boost::json::parse(helper_.read_line()).as_object();
  }

private:
  helper_process helper_;
  std::string port_;
};

#define TROUPE_NEEDS(sink) \
  if (!(sink).is_there()) GTEST_SKIP() << "python3-aiosmtpd is not installed"

inline smtp_config config_for(const std::string& url) {
  smtp_config out;
  out.url.value = url;
  out.tls = starttls::none;
  out.from = "Troupe <troupe@sender.example>";
  out.timeout = 5s;
  out.retry_wait = 5ms;
  return out;
}

inline std::unique_ptr<mailer> mailer_for(smtp_config config) {
  auto made = make_smtp_mailer(std::move(config));
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return made ? std::move(*made) : nullptr;
}

inline std::future<result<done>> post(mailer& by, mail letter) {
  std::promise<result<done>> promise;
  auto future = promise.get_future();
  by.send(std::move(letter),
          reply<done>([p = std::move(promise)](auto r) mutable { p.set_value(std::move(r)); }));
  return future;
}

inline mail letter_to(std::string to) {
  return {std::move(to), "Hello", "Hello in text\n", "<p>Hello in HTML</p>\n"};
}

} // namespace troupe::test
