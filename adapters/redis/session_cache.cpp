#include "adapters/redis/stores.hpp"
#include "adapters/redis/to_error.hpp"

#include <mutex>
#include <optional>
#include <utility>

namespace troupe::redis {
namespace {

using std::chrono::milliseconds;

result<cached_session> session_of(result<value> got) {
  if (!got) return std::unexpected(std::move(got.error()));
  if (got->what == value::kind::nil) return cached_session{};
  if (got->text == std::string_view(&tombstone_mark, 1))
    return cached_session{cached_session::state::revoked, {}};
  if (!got->text.starts_with(value_mark)) return std::unexpected(unexpected_answer());
  return cached_session{cached_session::state::found, got->text.substr(1)};
}

/// Answers when all of several requests are answered: with the first error, if there is one. They
/// are answered on the loop's thread, or refused on the caller's while it still asks.
class gathered {
public:
  gathered(std::size_t waiting, reply<done> answer)
      : waiting_(waiting), answer_(std::move(answer)) {}

  void take(result<value> got) {
    std::unique_lock lock(mutex_);
    if (!got && !failed_) failed_ = std::move(got.error());
    if (--waiting_ > 0) return;
    lock.unlock(); // this was the last one
    if (failed_) return answer_.fail(std::move(*failed_));
    answer_(done{});
  }

private:
  std::mutex mutex_;
  std::size_t waiting_;
  reply<done> answer_;
  std::optional<error> failed_;
};

class redis_sessions final : public session_cache {
public:
  explicit redis_sessions(std::shared_ptr<client> from) : client_(std::move(from)) {}

  void get(std::string key, reply<cached_session> answer) override {
    if (auto ok = session_rules::check_key(key); !ok) return answer.fail(std::move(ok.error()));
    request what;
    what.key = name_of(key);
    what.words = {"GET", what.key};
    what.done = [answer = std::move(answer)](result<value> got) mutable {
      answer(session_of(std::move(got)));
    };
    client_->ask(std::move(what));
  }

  void put(std::string key, std::string text, milliseconds ttl, reply<done> answer) override {
    if (auto ok = session_rules::check_put(key, text, ttl); !ok)
      return answer.fail(std::move(ok.error()));
    const auto all = std::make_shared<gathered>(1, std::move(answer));
    ask(put_script(), key, {std::move(text), std::to_string(ttl.count())},
        [all](result<value> got) { all->take(std::move(got)); });
  }

  void revoke(std::vector<std::string> keys, milliseconds ttl, reply<done> answer) override {
    if (auto ok = session_rules::check_revoke(keys, ttl); !ok)
      return answer.fail(std::move(ok.error()));
    if (keys.empty()) return answer(done{});
    // A key a request: in a cluster they lie on different nodes.
    const auto all = std::make_shared<gathered>(keys.size(), std::move(answer));
    for (const auto& key : keys)
      ask(revoke_script(), key, {std::to_string(ttl.count())},
          [all](result<value> got) { all->take(std::move(got)); });
  }

private:
  [[nodiscard]] std::string name_of(const std::string& key) const {
    return client_->prefix() + ":session:" + key;
  }
  void ask(const script& program, const std::string& key, std::vector<std::string> arguments,
           request::answer answer) {
    request what;
    what.key = name_of(key);
    what.program = &program;
    what.keys = 1;
    what.words = std::move(arguments);
    what.words.insert(what.words.begin(), what.key);
    what.done = std::move(answer);
    client_->ask(std::move(what));
  }

  std::shared_ptr<client> client_;
};

} // namespace

std::unique_ptr<session_cache> make_session_cache(std::shared_ptr<client> from) {
  return std::make_unique<redis_sessions>(std::move(from));
}

} // namespace troupe::redis
