#include "actors/ports/limit_renewal.hpp"
#include "actors/ports/limit_rules.hpp"
#include "adapters/redis/stores.hpp"
#include "adapters/redis/to_error.hpp"

#include <algorithm>
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

/// Those of a renewed part that hold no stream any more.
result<std::vector<std::string>> lost_of(std::vector<std::string> ids, const result<value>& got) {
  if (!got) return std::unexpected(got.error());
  if (got->items.size() != ids.size()) return std::unexpected(unexpected_answer());
  std::vector<std::string> lost;
  for (std::size_t n = 0; n < ids.size(); ++n)
    if (got->items[n].number == 0) lost.push_back(std::move(ids[n]));
  return lost;
}

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
    limit_rules::renew_in_parts(
        std::move(ids), limits::redis_renew_batch, std::move(answer),
        [this](auto part, auto lost) { renew_part(std::move(part), std::move(lost)); });
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

  void renew_part(std::vector<std::string> ids, reply<std::vector<std::string>> lost) {
    auto what = about(renew_script(), record_of(ids.front()));
    for (auto id = ids.begin() + 1; id != ids.end(); ++id) what.words.push_back(record_of(*id));
    what.keys = ids.size();
    what.words.insert(what.words.end(), ids.begin(), ids.end());
    what.done = [ids = std::move(ids), lost = std::move(lost)](result<value> got) mutable {
      lost(lost_of(std::move(ids), got));
    };
    client_->ask(std::move(what));
  }

  std::shared_ptr<client> client_;
};

} // namespace

std::unique_ptr<limit_store> make_limit_store(std::shared_ptr<client> from) {
  return std::make_unique<redis_limits>(std::move(from));
}

} // namespace troupe::redis
