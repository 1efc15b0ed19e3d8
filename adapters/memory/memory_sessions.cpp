#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/memory_stores.hpp"

#include <list>
#include <unordered_map>

namespace troupe {
namespace {

using memory::answer_after;
using std::chrono::milliseconds;

/// Values by age of use, tombstones by age. A full cache drops the value that was used longest ago;
/// a tombstone is never dropped before its time, for a stale value could then come in its place.
class memory_sessions final : public session_cache {
public:
  explicit memory_sessions(memory_sessions_config config) : config_(std::move(config)) {}

  void get(std::string key, reply<cached_session> answer) override {
    answer_after(mutex_, answer, [&]() -> result<cached_session> {
      if (auto ok = session_rules::check_key(key); !ok)
        return std::unexpected(std::move(ok.error()));
      return get(key, config_.now());
    });
  }

  void put(std::string key, std::string value, milliseconds ttl, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      if (auto ok = session_rules::check_put(key, value, ttl); !ok)
        return std::unexpected(std::move(ok.error()));
      const auto now = config_.now();
      if (!is_revoked(key, now)) put({std::move(key), std::move(value), now + ttl});
      return done{};
    });
  }

  void revoke(std::vector<std::string> keys, milliseconds ttl, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      if (auto ok = session_rules::check_revoke(keys, ttl); !ok)
        return std::unexpected(std::move(ok.error()));
      const auto now = config_.now();
      if (tombstones_.size() + keys.size() > config_.tombstones_max) drop_old_tombstones(now);
      if (tombstones_.size() + keys.size() > config_.tombstones_max)
        return fail(errc::overloaded, "too many revocations at once");
      for (auto& key : keys) {
        drop_value(key);
        auto& until = tombstones_[std::move(key)];
        until = std::max(until, now + ttl);
      }
      return done{};
    });
  }

private:
  struct entry {
    std::string key, value;
    milliseconds until;
  };
  using entries = std::list<entry>;

  cached_session get(const std::string& key, milliseconds now) {
    if (is_revoked(key, now)) return {cached_session::state::revoked, {}};
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return {};
    if (found->second->until <= now) {
      drop_value(key);
      return {};
    }
    used_.splice(used_.begin(), used_, found->second);
    return {cached_session::state::found, found->second->value};
  }

  void put(entry made) {
    drop_value(made.key);
    bytes_ += made.value.size();
    used_.push_front(std::move(made));
    by_key_.emplace(used_.front().key, used_.begin());
    while (used_.size() > config_.entries_max || bytes_ > config_.bytes_max) {
      const auto oldest = used_.back().key; // its entry ends inside drop_value
      drop_value(oldest);
    }
  }

  bool is_revoked(const std::string& key, milliseconds now) {
    const auto found = tombstones_.find(key);
    if (found == tombstones_.end()) return false;
    if (found->second > now) return true;
    tombstones_.erase(found);
    return false;
  }
  void drop_value(const std::string& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    bytes_ -= found->second->value.size();
    const auto place = found->second;
    by_key_.erase(found);
    used_.erase(place);
  }
  void drop_old_tombstones(milliseconds now) {
    if (now < next_drop_) return; // a full cache does not walk them all at each call
    next_drop_ = now + std::chrono::seconds(1);
    std::erase_if(tombstones_, [now](const auto& each) { return each.second <= now; });
  }

  const memory_sessions_config config_;
  // All guarded by mutex_.
  std::mutex mutex_;
  entries used_; // the one used last is first
  std::unordered_map<std::string, entries::iterator> by_key_;
  std::unordered_map<std::string, milliseconds> tombstones_; // until when
  std::size_t bytes_ = 0;                                    // of all values
  milliseconds next_drop_{0};
};

} // namespace

std::unique_ptr<session_cache> make_memory_session_cache(memory_sessions_config config) {
  return std::make_unique<memory_sessions>(std::move(config));
}

} // namespace troupe
