#include "actors/ports/limit_book.hpp"
#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/memory_stores.hpp"

namespace troupe {
namespace {

using memory::answer_after;

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
      const auto now = now_ms();
      sweep(now);
      if (book_.find(id, now) == nullptr && !has_room(wants.size()))
        return fail(errc::overloaded, "too many limits are counted in memory");
      return book_.reserve(id, wants, now);
    });
  }

  void settle(std::string id, std::vector<std::int64_t> amounts, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      if (auto ok = limit_rules::check_settle(id, amounts); !ok)
        return std::unexpected(std::move(ok.error()));
      book_.settle(id, amounts, now_ms());
      return done{};
    });
  }

  void renew(std::vector<std::string> ids, reply<std::vector<std::string>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<std::string>> {
      if (auto ok = limit_rules::check_renew(ids); !ok)
        return std::unexpected(std::move(ok.error()));
      std::erase_if(ids, [this, now = now_ms()](const auto& id) { return book_.renew(id, now); });
      return std::move(ids);
    });
  }

private:
  [[nodiscard]] std::int64_t now_ms() const { return config_.now().count(); }
  [[nodiscard]] bool has_room(std::size_t wants) const noexcept {
    return book_.counters.size() + wants <= config_.scopes_max &&
           book_.records.size() < config_.records_max;
  }
  void sweep(std::int64_t now) {
    counter_sweep_.sweep(book_.counters, [now](limit_rules::counter& each) {
      return std::visit([now](auto& c) { return c.slide(now), c.is_empty(); }, each);
    });
    record_sweep_.sweep(book_.records,
                        [now](const limit_rules::record& each) { return each.until <= now; });
  }

  const memory_limits_config config_;
  // All guarded by mutex_.
  std::mutex mutex_;
  limit_rules::limit_book book_;
  sweeper counter_sweep_, record_sweep_;
};

} // namespace

std::unique_ptr<limit_store> make_memory_limit_store(memory_limits_config config) {
  return std::make_unique<memory_limits>(std::move(config));
}

} // namespace troupe
