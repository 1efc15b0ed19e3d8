#include "adapters/memory/memory_mailer.hpp"

#include "actors/ports/mail_rules.hpp"

#include <deque>
#include <mutex>
#include <utility>

namespace troupe {
namespace {

class remembering_mailer final : public memory_mailer {
public:
  void send(mail letter, reply<done> answer) override {
    if (auto ok = mail_rules::check(letter); !ok) return answer.fail(std::move(ok.error()));
    {
      const std::lock_guard lock(mutex_);
      if (sent_.size() == limits::mails_remembered) sent_.pop_front();
      sent_.push_back(std::move(letter));
    }
    answer(done{});
  }

  std::vector<mail> sent() const override {
    const std::lock_guard lock(mutex_);
    return {sent_.begin(), sent_.end()};
  }

private:
  mutable std::mutex mutex_;
  std::deque<mail> sent_; // guarded by mutex_
};

} // namespace

std::unique_ptr<memory_mailer> make_memory_mailer() {
  return std::make_unique<remembering_mailer>();
}

} // namespace troupe
