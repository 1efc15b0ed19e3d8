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

  void take(std::string service, std::string node, std::vector<shard_number> shards,
            std::chrono::milliseconds ttl, reply<std::vector<lease_verdict>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<lease_verdict>> {
      if (auto ok = lease_rules::check_take(service, node, shards, ttl); !ok)
        return std::unexpected(std::move(ok.error()));
      auto* rows = rows_of(service);
      if (!rows) return fail(errc::overloaded, "too many services have leases in memory");
      std::vector<lease_verdict> out;
      const auto now = time();
      for (const auto shard : shards) {
        auto& at = (*rows)[shard];
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
      auto* rows = rows_of(service);
      if (!rows) return fail(errc::overloaded, "too many services have leases in memory");
      std::vector<lease_kept> out;
      const auto now = time();
      for (auto& hold : holds) {
        auto& at = (*rows)[hold.shard];
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
      auto* rows = rows_of(service);
      if (!rows) return fail(errc::overloaded, "too many services have leases in memory");
      std::vector<shard_number> not_ours;
      for (auto& hold : holds) {
        auto& at = (*rows)[hold.shard];
        const auto said = lease_rules::give(at.row, hold, node);
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
        !lease_rules::holds(found->second[fence.shard].row, fence))
      return std::unexpected(lease_rules::not_owner());
    return {};
  }

private:
  struct kept_shard {
    lease_row row;
    std::string state;
  };
  using service_rows = std::array<kept_shard, limits::shards>;

  [[nodiscard]] lease_time time() const { return {now_().count(), {}}; }

  /// Null: there are too many services already.
  service_rows* rows_of(const std::string& service) {
    const auto found = services_.find(service);
    if (found != services_.end()) return &found->second;
    return services_.size() < limits::lease_services ? &services_[service] : nullptr;
  }

  const memory_clock now_;
  mutable std::mutex mutex_;
  std::map<std::string, service_rows> services_; // guarded by mutex_
};

} // namespace

std::unique_ptr<memory_lease_store> make_memory_lease_store(memory_clock now) {
  return std::make_unique<memory_leases>(std::move(now));
}

} // namespace troupe
