#pragma once

#include "actors/ports/limit_counters.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

/// The decisions of limit_store over counters and records that are at hand, whoever keeps them.
/// Pure; times are milliseconds of the store's clock. What calls carry was checked before
/// (limit_rules::check_…).
namespace troupe::limit_rules {

/// Either kind of counter.
using counter = std::variant<sliding_counter, lease_set>;

[[nodiscard]] inline counter make_counter(limit_kind kind, std::chrono::milliseconds window) {
  if (kind == limit_kind::streams) return lease_set();
  return sliding_counter(window);
}

/// One want of a reservation that was granted.
struct taken {
  std::string counter; ///< its name
  std::int64_t bucket = 0;
  std::int64_t amount = 0;
  std::int64_t lease_ms = 0; ///< 0: not a stream
};

struct record {
  std::vector<taken> wants; ///< empty: settled
  std::int64_t until = 0;
};

struct limit_book {
  std::unordered_map<std::string, counter> counters; ///< by name; a want makes its own
  std::unordered_map<std::string, record> records;   ///< by id; one past its time is as none

  /// The name of a want's counter: `kind:window:scope`, both numbers.
  [[nodiscard]] static std::string name_of(const limit_want& want) {
    return std::to_string(static_cast<int>(want.kind)) + ':' + std::to_string(want.window.count()) +
           ':' + want.scope;
  }

  limit_verdict reserve(const std::string& id, const std::vector<limit_want>& wants,
                        std::int64_t now) {
    const bool repeated = find(id, now) != nullptr;
    auto out = judge(wants, now);
    if (repeated) out.granted = true;
    if (out.granted && !repeated) take(id, wants, now);
    if (out.granted) {
      out.refused_by = 0;
      out.retry_after = {};
    }
    for (const auto& want : wants)
      out.states.push_back(is_foreign(want) ? limit_state{want.most, {}} : state_of(want, now));
    return out;
  }

  void settle(const std::string& id, const std::vector<std::int64_t>& amounts, std::int64_t now) {
    auto* found = find(id, now);
    if (!found) return;
    for (std::size_t n = 0; n < found->wants.size(); ++n) {
      const auto& each = found->wants[n];
      const auto at = counters.find(each.counter);
      if (at == counters.end()) continue;
      if (auto* leases = std::get_if<lease_set>(&at->second))
        leases->give_back(id);
      else if (n < amounts.size())
        std::get<sliding_counter>(at->second).move(now, each.bucket, amounts[n] - each.amount);
    }
    const std::chrono::milliseconds life = limits::limit_settled_life;
    *found = {{}, std::min(found->until, now + life.count())};
  }

  /// As if it had never been: asked again, it is counted.
  void take_back(const std::string& id, std::int64_t now) {
    const auto* found = find(id, now);
    if (found == nullptr) return;
    settle(id, std::vector<std::int64_t>(found->wants.size(), 0), now);
    records.erase(id);
  }

  /// False: it holds no stream any more.
  bool renew(const std::string& id, std::int64_t now) {
    auto* found = find(id, now);
    bool held = false;
    for (std::size_t n = 0; found && n < found->wants.size(); ++n) {
      const auto& each = found->wants[n];
      const auto at = counters.find(each.counter);
      if (each.lease_ms == 0 || at == counters.end()) continue;
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

  /// The reservation of this id, if its record still lives.
  [[nodiscard]] record* find(const std::string& id, std::int64_t now) {
    const auto found = records.find(id);
    return found == records.end() || found->second.until <= now ? nullptr : &found->second;
  }

  /// Whether another book counts it: it only keeps the place of its amount.
  [[nodiscard]] static bool is_foreign(const limit_want& want) noexcept {
    return want.scope.empty();
  }

private:
  limit_state state_of(const limit_want& want, std::int64_t now) {
    return std::visit([&](const auto& c) { return c.state(now, want.most); }, at(want));
  }

  limit_verdict judge(const std::vector<limit_want>& wants, std::int64_t now) {
    limit_verdict out;
    out.granted = true;
    for (std::size_t n = 0; n < wants.size(); ++n) {
      const auto& want = wants[n];
      if (is_foreign(want)) continue;
      const auto one = std::visit([&](auto& c) { return judge_one(c, want, now); }, at(want));
      const std::chrono::milliseconds wait{one.retry_after_ms};
      if (one.granted || (!out.granted && wait <= out.retry_after)) continue;
      out.granted = false;
      out.refused_by = n;
      out.retry_after = wait;
    }
    return out;
  }
  static judgement judge_one(sliding_counter& c, const limit_want& want, std::int64_t now) {
    c.slide(now);
    return c.judge(now, want);
  }
  static judgement judge_one(lease_set& c, const limit_want& want, std::int64_t now) {
    c.slide(now);
    return c.judge(want);
  }

  void take(const std::string& id, const std::vector<limit_want>& wants, std::int64_t now) {
    record made;
    made.until = now + record_life(wants).count();
    for (const auto& want : wants) {
      if (is_foreign(want)) {
        made.wants.emplace_back();
        continue;
      }
      taken each{name_of(want), 0, want.amount, 0};
      if (auto* leases = std::get_if<lease_set>(&at(want))) {
        each.lease_ms = want.window.count();
        if (want.amount > 0) leases->hold(id, now + each.lease_ms);
      } else {
        each.bucket = std::get<sliding_counter>(at(want)).add(now, want.amount);
      }
      made.wants.push_back(std::move(each));
    }
    records.insert_or_assign(id, std::move(made));
  }

  counter& at(const limit_want& want) {
    return counters.try_emplace(name_of(want), make_counter(want.kind, want.window)).first->second;
  }
};

} // namespace troupe::limit_rules
