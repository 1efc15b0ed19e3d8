#include "adapters/mail/smtp_mailer.hpp"

#include "actors/ports/mail_rules.hpp"
#include "adapters/mail/smtp_session.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/metrics.hpp"
#include "messages/base/thread_signals.hpp"

#include <algorithm>
#include <condition_variable>
#include <thread>
#include <utility>

namespace troupe {
namespace {

using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

metrics::metric& sent_total() {
  static metrics::metric counter(metrics::kind::counter, "troupe_mails_sent_total",
                                 "Mails that the mail server took over.");
  return counter;
}

metrics::metric& failed_total() {
  static metrics::metric counter(metrics::kind::counter, "troupe_mails_failed_total",
                                 "Mails given up: refused, or past their tries.");
  return counter;
}

/// A mail that waits, for its turn or for its next try.
struct waiting {
  smtp::message what;
  reply<done> answer;
  steady::time_point due;
  steady::time_point give_up;
  unsigned tries = 0;
};

class smtp_mailer final : public mailer {
public:
  explicit smtp_mailer(smtp::server to)
      : server_(std::move(to)), session_(server_), thread_([this] { run(); }) {}

  ~smtp_mailer() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    session_.interrupt();
    wake_.notify_one();
    thread_.join();
    for (auto& each : queue_)
      each.answer.fail(make_error(errc::cancelled, "the program is shutting down"));
  }

  void send(mail letter, reply<done> answer) override {
    if (auto ok = mail_rules::check(letter); !ok) return answer.fail(std::move(ok.error()));
    auto item = make_item(std::move(letter), std::move(answer));
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() < limits::mail_queue) {
        queue_.push_back(std::move(item));
        wake_.notify_one();
        return;
      }
    }
    item.answer.fail(make_error(errc::overloaded, "too many mails wait for the mail server"));
  }

private:
  waiting make_item(mail letter, reply<done> answer) const {
    const auto now = steady::now();
    const auto& address = server_.from.address;
    const auto date = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return {{std::move(letter), make_uuid() + address.substr(address.find('@')), date},
            std::move(answer),
            now,
            now + server_.config.patience};
  }

  void run() {
    leave_signals_to_main();
    for (std::unique_lock lock(mutex_); !stopping_;) {
      const auto next = std::ranges::min_element(queue_, {}, &waiting::due);
      if (next == queue_.end()) {
        wake_.wait(lock);
      } else if (const auto due = next->due; due > steady::now()) {
        wake_.wait_until(lock, due);
      } else {
        auto item = std::move(*next);
        queue_.erase(next);
        lock.unlock();
        const bool again = attempt(item);
        lock.lock();
        if (again) queue_.push_back(std::move(item));
      }
    }
  }

  /// Answers, or says that another try is due.
  bool attempt(waiting& item) {
    const auto left = std::chrono::ceil<milliseconds>(item.give_up - steady::now());
    if (left.count() <= 0) {
      give_up(item, make_error(errc::deadline_exceeded, "the mail server had no time for it"));
      return false;
    }
    auto outcome = session_.send(item.what, std::min(left, server_.config.timeout));
    if (outcome.sent) {
      sent_total().add();
      item.answer(done{});
      return false;
    }
    item.due = steady::now() + server_.config.retry_wait * (1u << item.tries);
    if (outcome.again && item.tries++ < limits::mail_retries && item.due < item.give_up)
      return true;
    give_up(item, std::move(outcome.why));
    return false;
  }

  void give_up(waiting& item, error why) {
    if (is_stopping()) why = make_error(errc::cancelled, "the program is shutting down");
    failed_total().add();
    item.answer.fail(std::move(why));
  }

  bool is_stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  const smtp::server server_;
  smtp::session session_; // the thread's
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<waiting> queue_; // guarded by mutex_
  bool stopping_ = false;      // guarded by mutex_
  std::thread thread_;         // last: it uses all of the above
};

} // namespace

result<std::unique_ptr<mailer>> make_smtp_mailer(smtp_config config) {
  auto to = smtp::read(std::move(config));
  if (!to) return std::unexpected(std::move(to.error()));
  return std::make_unique<smtp_mailer>(std::move(*to));
}

} // namespace troupe
