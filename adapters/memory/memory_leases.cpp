#include "actors/ports/lease_book.hpp"
#include "actors/ports/lease_rules.hpp"
#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/memory_stores.hpp"

#include <array>
#include <map>

namespace troupe {
namespace {

using lease_rules::lease_row;
using lease_rules::lease_time;
using memory::answer_after;

class memory_leases final : public memory_lease_store {
public:
  explicit memory_leases(memory_clock now) : now_(std::move(now)) {}

  void join(std::string service, std::string node, std::chrono::milliseconds ttl,
            reply<std::vector<std::string>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<std::string>> {
      if (auto ok = lease_rules::check_join(service, node, ttl); !ok)
        return std::unexpected(std::move(ok.error()));
      auto* in = find(service);
      if (!in) return too_many_services();
      const auto now = time().ms;
      std::erase_if(in->members, [now](const auto& each) { return each.second <= now; });
      if (in->members.size() >= limits::lease_members && !in->members.contains(node))
        return fail(errc::overloaded, "too many nodes of one service");
      in->members[node] = now + ttl.count();
      std::vector<std::string> out;
      for (const auto& [name, until] : in->members)
        if (out.size() < limits::shard_nodes) out.push_back(name);
      return out;
    });
  }

  void leave(std::string service, std::string node, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      if (auto ok = lease_rules::check_names(service, node); !ok)
        return std::unexpected(std::move(ok.error()));
      if (auto* in = find(service)) in->members.erase(node);
      return done{};
    });
  }

  void take(std::string service, std::string node, std::vector<shard_number> shards,
            std::chrono::milliseconds ttl, reply<std::vector<lease_verdict>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<lease_verdict>> {
      if (auto ok = lease_rules::check_take(service, node, shards, ttl); !ok)
        return std::unexpected(std::move(ok.error()));
      auto* in = find(service);
      if (!in) return too_many_services();
      std::vector<lease_verdict> out;
      const auto now = time();
      for (const auto shard : shards) {
        auto& at = in->shards[shard];
        out.push_back(lease_rules::take(at.row, shard, node, now, ttl));
        if (out.back().granted) out.back().state = at.state;
      }
      return out;
    });
  }

  void keep(std::string service, std::string node, std::vector<lease_hold> holds,
            std::chrono::milliseconds ttl, reply<std::vector<lease_kept>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<lease_kept>> {
      if (auto ok = lease_rules::check_keep(service, node, holds, ttl); !ok)
        return std::unexpected(std::move(ok.error()));
      auto* in = find(service);
      if (!in) return too_many_services();
      std::vector<lease_kept> out;
      const auto now = time();
      for (auto& hold : holds) {
        auto& at = in->shards[hold.shard];
        out.push_back(lease_rules::keep(at.row, hold, node, now, ttl));
        if (out.back().kept && hold.state) at.state = std::move(*hold.state);
      }
      return out;
    });
  }

  void give(std::string service, std::string node, std::vector<lease_hold> holds,
            reply<std::vector<shard_number>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<shard_number>> {
      if (auto ok = lease_rules::check_give(service, node, holds); !ok)
        return std::unexpected(std::move(ok.error()));
      auto* in = find(service);
      if (!in) return too_many_services();
      std::vector<shard_number> not_ours;
      const auto now = time();
      for (auto& hold : holds) {
        auto& at = in->shards[hold.shard];
        const auto said = lease_rules::give(at.row, hold, node, now);
        if (said == lease_rules::given::not_ours) not_ours.push_back(hold.shard);
        if (said == lease_rules::given::now && hold.state) at.state = std::move(*hold.state);
      }
      return not_ours;
    });
  }

  result<void> check(const lease_fence& fence) const override {
    const std::lock_guard lock(mutex_);
    const auto found = services_.find(fence.service);
    if (found == services_.end() || fence.shard >= limits::shards ||
        !lease_rules::holds(found->second.shards[fence.shard].row, fence))
      return std::unexpected(lease_rules::not_owner());
    return {};
  }

private:
  struct kept_shard {
    lease_row row;
    std::string state;
  };
  struct kept_service {
    std::array<kept_shard, limits::shards> shards;
    std::map<std::string, std::int64_t> members; ///< until when
  };

  [[nodiscard]] lease_time time() const { return {.ms = now_().count()}; }

  /// Null: there are too many services already.
  kept_service* find(const std::string& service) {
    const auto found = services_.find(service);
    if (found != services_.end()) return &found->second;
    return services_.size() < limits::lease_services ? &services_[service] : nullptr;
  }
  static std::unexpected<error> too_many_services() {
    return fail(errc::overloaded, "too many services have leases in memory");
  }

  const memory_clock now_;
  mutable std::mutex mutex_;
  std::map<std::string, kept_service> services_; // guarded by mutex_
};

} // namespace

std::unique_ptr<memory_lease_store> make_memory_lease_store(memory_clock now) {
  return std::make_unique<memory_leases>(std::move(now));
}

} // namespace troupe
