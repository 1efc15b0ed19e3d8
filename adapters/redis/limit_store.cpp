#include "actors/ports/limit_rules.hpp"
#include "adapters/redis/stores.hpp"
#include "adapters/redis/to_error.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

namespace troupe::redis {
namespace {

/// One script looks at all of a reservation's counters, so in a cluster they must lie on one node.
constexpr std::string_view tag = ":{limits}:";

result<limit_verdict> verdict_of(result<value> got, std::size_t wants) {
  if (!got) return std::unexpected(std::move(got.error()));
  const auto& items = got->items;
  if (items.size() != 3 + 2 * wants) return std::unexpected(unexpected_answer());
  limit_verdict out;
  out.granted = items[0].number == 1;
  out.refused_by = static_cast<std::size_t>(items[1].number);
  out.retry_after = std::chrono::milliseconds(items[2].number);
  for (std::size_t n = 3; n < items.size(); n += 2)
    out.states.push_back({items[n].number, std::chrono::milliseconds(items[n + 1].number)});
  return out;
}

/// The answers of a renew that went out in parts. On the loop's thread, or refused on the caller's
/// while it still asks.
class renewal {
public:
  renewal(std::size_t parts, reply<std::vector<std::string>> answer)
      : waiting_(parts), answer_(std::move(answer)) {}

  void take(const std::vector<std::string>& ids, result<value> got) {
    std::unique_lock lock(mutex_);
    if (got && got->items.size() != ids.size()) got = std::unexpected(unexpected_answer());
    if (!got && !failed_) failed_ = got.error();
    for (std::size_t n = 0; got && n < ids.size(); ++n)
      if (got->items[n].number == 0) unknown_.push_back(ids[n]);
    if (--waiting_ > 0) return;
    lock.unlock(); // this was the last one
    if (failed_) return answer_.fail(std::move(*failed_));
    answer_(std::move(unknown_));
  }

private:
  std::mutex mutex_;
  std::size_t waiting_;
  reply<std::vector<std::string>> answer_;
  std::vector<std::string> unknown_;
  std::optional<error> failed_;
};

class redis_limits final : public limit_store {
public:
  explicit redis_limits(std::shared_ptr<client> from) : client_(std::move(from)) {}

  void reserve(std::string id, std::vector<limit_want> wants,
               reply<limit_verdict> answer) override {
    if (auto ok = limit_rules::check_reserve(id, wants); !ok)
      return answer.fail(std::move(ok.error()));
    auto what = about(reserve_script(), record_of(id));
    for (const auto& want : wants) what.words.push_back(counter_of(want));
    what.keys = what.words.size();
    what.words.push_back(std::move(id));
    what.words.push_back(std::to_string(limit_rules::record_life(wants).count()));
    for (const auto& want : wants) append(what.words, want);
    what.done = [count = wants.size(), answer = std::move(answer)](result<value> got) mutable {
      answer(verdict_of(std::move(got), count));
    };
    client_->ask(std::move(what));
  }

  void settle(std::string id, std::vector<std::int64_t> amounts, reply<done> answer) override {
    if (auto ok = limit_rules::check_settle(id, amounts); !ok)
      return answer.fail(std::move(ok.error()));
    auto what = about(settle_script(), record_of(id));
    what.words.push_back(std::move(id));
    for (const auto amount : amounts) what.words.push_back(std::to_string(amount));
    what.done = [answer = std::move(answer)](result<value> got) mutable {
      if (!got) return answer.fail(std::move(got.error()));
      answer(done{});
    };
    client_->ask(std::move(what));
  }

  void renew(std::vector<std::string> ids, reply<std::vector<std::string>> answer) override {
    if (auto ok = limit_rules::check_renew(ids); !ok) return answer.fail(std::move(ok.error()));
    if (ids.empty()) return answer(std::move(ids));
    constexpr auto batch = limits::redis_renew_batch;
    const auto parts = (ids.size() + batch - 1) / batch;
    const auto all = std::make_shared<renewal>(parts, std::move(answer));
    for (auto from = ids.begin(); from != ids.end();) {
      const auto to = from + std::min<std::ptrdiff_t>(batch, ids.end() - from);
      renew_part({std::move_iterator(from), std::move_iterator(to)}, all);
      from = to;
    }
  }

private:
  [[nodiscard]] std::string record_of(const std::string& id) const {
    return client_->prefix() + std::string(tag) + "r:" + id;
  }
  [[nodiscard]] std::string counter_of(const limit_want& want) const {
    constexpr std::string_view letters = "qtms"; // requests, tokens, money, streams
    return client_->prefix() + std::string(tag) + letters[static_cast<std::size_t>(want.kind)] +
           ':' + std::to_string(want.window.count()) + ':' + want.scope;
  }
  static void append(std::vector<std::string>& words, const limit_want& want) {
    words.emplace_back(want.kind == limit_kind::streams ? "1" : "0");
    for (const auto number : {want.most, std::int64_t{want.window.count()},
                              limit_rules::bucket_ms(want.window), want.amount})
      words.push_back(std::to_string(number));
  }
  /// A request whose first key is `record`.
  static request about(const script& program, std::string record) {
    request out;
    out.program = &program;
    out.key = record;
    out.words.push_back(std::move(record));
    out.keys = 1;
    return out;
  }

  void renew_part(std::vector<std::string> ids, const std::shared_ptr<renewal>& all) {
    auto what = about(renew_script(), record_of(ids.front()));
    for (auto id = ids.begin() + 1; id != ids.end(); ++id) what.words.push_back(record_of(*id));
    what.keys = ids.size();
    what.words.insert(what.words.end(), ids.begin(), ids.end());
    what.done = [all, ids = std::move(ids)](result<value> got) { all->take(ids, std::move(got)); };
    client_->ask(std::move(what));
  }

  std::shared_ptr<client> client_;
};

} // namespace

std::unique_ptr<limit_store> make_limit_store(std::shared_ptr<client> from) {
  return std::make_unique<redis_limits>(std::move(from));
}

} // namespace troupe::redis
