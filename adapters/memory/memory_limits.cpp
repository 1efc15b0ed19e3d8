#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/limit_counters.hpp"
#include "adapters/memory/memory_stores.hpp"

#include <variant>

namespace troupe {
namespace {

using namespace memory;

/// Either kind of counter, under the name of a scope, a kind and a window.
using counter = std::variant<sliding_counter, lease_set>;

counter make_counter(const limit_want& want) {
  if (want.kind == limit_kind::streams) return lease_set();
  return sliding_counter(want.window);
}

std::string name_of(const limit_want& want) {
  return std::to_string(static_cast<int>(want.kind)) + ':' + std::to_string(want.window.count()) +
         ':' + want.scope;
}

/// One want of a reservation that was granted.
struct taken {
  std::string counter;
  std::int64_t bucket = 0;
  std::int64_t amount = 0;
  std::int64_t lease_ms = 0; ///< 0: not a stream
};

struct record {
  std::vector<taken> wants; ///< empty: settled
  std::int64_t until = 0;   ///< milliseconds of the clock
};

/// Looks at a few elements of a hash map a call and removes the dead ones, so that the map forgets
/// in time what nobody asks for again.
class sweeper {
public:
  template <class Map, class Dead>
  void sweep(Map& map, Dead dead) {
    constexpr std::size_t buckets_a_call = 4;
    for (std::size_t n = 0; n < buckets_a_call; ++n) {
      at_ = at_ + 1 < map.bucket_count() ? at_ + 1 : 0;
      for (auto each = map.begin(at_); each != map.end(at_);) {
        if (!dead(each->second)) {
          ++each;
          continue;
        }
        const auto name = each->first;
        map.erase(name); // other elements of the bucket may go on the next round
        break;
      }
    }
  }

private:
  std::size_t at_ = 0;
};

class memory_limits final : public limit_store {
public:
  explicit memory_limits(memory_limits_config config) : config_(std::move(config)) {}

  void reserve(std::string id, std::vector<limit_want> wants,
               reply<limit_verdict> answer) override {
    answer_after(mutex_, answer, [&]() -> result<limit_verdict> {
      if (auto ok = limit_rules::check_reserve(id, wants); !ok)
        return std::unexpected(std::move(ok.error()));
      return reserve(id, wants);
    });
  }

  void settle(std::string id, std::vector<std::int64_t> amounts, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      if (auto ok = limit_rules::check_settle(id, amounts); !ok)
        return std::unexpected(std::move(ok.error()));
      settle(id, amounts);
      return done{};
    });
  }

  void renew(std::vector<std::string> ids, reply<std::vector<std::string>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<std::string>> {
      if (auto ok = limit_rules::check_renew(ids); !ok)
        return std::unexpected(std::move(ok.error()));
      std::erase_if(ids, [this, now = now_ms()](const auto& id) { return renew(id, now); });
      return std::move(ids);
    });
  }

private:
  [[nodiscard]] std::int64_t now_ms() const { return config_.now().count(); }

  result<limit_verdict> reserve(const std::string& id, const std::vector<limit_want>& wants) {
    const auto now = now_ms();
    sweep(now);
    const bool repeated = find_record(id, now) != nullptr;
    if (!repeated && !has_room(wants.size()))
      return fail(errc::overloaded, "too many limits are counted in memory");
    auto out = judge(wants, now);
    if (repeated) out.granted = true;
    if (out.granted && !repeated) take(id, wants, now);
    if (out.granted) out.refused_by = 0;
    if (out.granted) out.retry_after = {};
    for (const auto& want : wants) out.states.push_back(state(want, now));
    return out;
  }

  limit_verdict judge(const std::vector<limit_want>& wants, std::int64_t now) {
    limit_verdict out;
    out.granted = true;
    for (std::size_t n = 0; n < wants.size(); ++n) {
      const auto& want = wants[n];
      const auto one = std::visit([&](auto& c) { return judge_one(c, want, now); }, at(want));
      const std::chrono::milliseconds wait{one.retry_after_ms};
      if (one.granted || (!out.granted && wait <= out.retry_after)) continue;
      out.granted = false;
      out.refused_by = n;
      out.retry_after = wait;
    }
    return out;
  }
  static limit_judgement judge_one(sliding_counter& c, const limit_want& want, std::int64_t now) {
    c.slide(now);
    return c.judge(now, want);
  }
  static limit_judgement judge_one(lease_set& c, const limit_want& want, std::int64_t now) {
    c.slide(now);
    return c.judge(want);
  }

  void take(const std::string& id, const std::vector<limit_want>& wants, std::int64_t now) {
    record made;
    made.until = now + limit_rules::record_life(wants).count();
    for (const auto& want : wants) {
      taken each{name_of(want), 0, want.amount, 0};
      if (auto* leases = std::get_if<lease_set>(&at(want))) {
        each.lease_ms = want.window.count();
        if (want.amount > 0) leases->hold(id, now + each.lease_ms);
      } else {
        each.bucket = std::get<sliding_counter>(at(want)).add(now, want.amount);
      }
      made.wants.push_back(std::move(each));
    }
    records_.insert_or_assign(id, std::move(made));
  }

  limit_state state(const limit_want& want, std::int64_t now) {
    return std::visit([&](auto& c) { return c.state(now, want.most); }, at(want));
  }

  void settle(const std::string& id, const std::vector<std::int64_t>& amounts) {
    const auto now = now_ms();
    auto* found = find_record(id, now);
    if (!found) return;
    for (std::size_t n = 0; n < found->wants.size(); ++n) {
      const auto& each = found->wants[n];
      const auto at = counters_.find(each.counter);
      if (at == counters_.end()) continue;
      if (auto* leases = std::get_if<lease_set>(&at->second))
        leases->give_back(id);
      else if (n < amounts.size())
        std::get<sliding_counter>(at->second).move(now, each.bucket, amounts[n] - each.amount);
    }
    const std::chrono::milliseconds life = limits::limit_settled_life;
    *found = {{}, std::min(found->until, now + life.count())};
  }

  /// False: it holds no stream any more.
  bool renew(const std::string& id, std::int64_t now) {
    auto* found = find_record(id, now);
    bool held = false;
    for (std::size_t n = 0; found && n < found->wants.size(); ++n) {
      const auto& each = found->wants[n];
      const auto at = counters_.find(each.counter);
      if (each.lease_ms == 0 || at == counters_.end()) continue;
      auto& leases = std::get<lease_set>(at->second);
      leases.slide(now);
      if (!leases.holds(id)) continue;
      held = true;
      leases.hold(id, now + each.lease_ms);
      const std::chrono::milliseconds bit = std::chrono::seconds(1);
      found->until = std::max(found->until, now + each.lease_ms + bit.count());
    }
    return held;
  }

  counter& at(const limit_want& want) {
    return counters_.try_emplace(name_of(want), make_counter(want)).first->second;
  }
  record* find_record(const std::string& id, std::int64_t now) {
    const auto found = records_.find(id);
    return found == records_.end() || found->second.until <= now ? nullptr : &found->second;
  }
  [[nodiscard]] bool has_room(std::size_t wants) const noexcept {
    return counters_.size() + wants <= config_.scopes_max && records_.size() < config_.records_max;
  }
  void sweep(std::int64_t now) {
    counter_sweep_.sweep(counters_, [now](counter& each) {
      return std::visit([now](auto& c) { return c.slide(now), c.is_empty(); }, each);
    });
    record_sweep_.sweep(records_, [now](const record& each) { return each.until <= now; });
  }

  const memory_limits_config config_;
  // All guarded by mutex_.
  std::mutex mutex_;
  std::unordered_map<std::string, counter> counters_;
  std::unordered_map<std::string, record> records_; // by id
  sweeper counter_sweep_, record_sweep_;
};

} // namespace

std::unique_ptr<limit_store> make_memory_limit_store(memory_limits_config config) {
  return std::make_unique<memory_limits>(std::move(config));
}

} // namespace troupe
