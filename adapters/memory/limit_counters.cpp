#include "adapters/memory/limit_counters.hpp"

namespace troupe::memory {
namespace {

limit_state state_of(std::int64_t most, std::int64_t used, std::int64_t reset_ms) {
  return {std::max(most - used, std::int64_t{0}), std::chrono::milliseconds(reset_ms)};
}

} // namespace

void sliding_counter::slide(std::int64_t now) {
  auto first = buckets_.begin();
  for (; first != buckets_.end() && gone_at(*first) <= now; ++first) sum_ -= first->amount;
  buckets_.erase(buckets_.begin(), first);
}

limit_judgement sliding_counter::judge(std::int64_t now, const limit_want& want) const {
  if (want.amount > want.most) return {false, window_ms_};
  auto used = sum_;
  if (used + want.amount <= want.most) return {true, 0};
  for (const auto& each : buckets_) {
    used -= each.amount;
    if (used + want.amount <= want.most) return {false, gone_at(each) - now};
  }
  return {false, window_ms_};
}

std::int64_t sliding_counter::add(std::int64_t now, std::int64_t amount) {
  const auto number = now / width_;
  if (buckets_.empty() || buckets_.back().number < number) buckets_.push_back({number, 0});
  buckets_.back().amount += amount;
  sum_ += amount;
  return buckets_.back().number;
}

void sliding_counter::move(std::int64_t now, std::int64_t bucket_number, std::int64_t difference) {
  slide(now);
  for (auto& each : buckets_) {
    if (each.number != bucket_number) continue;
    each.amount += difference;
    sum_ += difference;
  }
}

limit_state sliding_counter::state(std::int64_t now, std::int64_t most) const {
  return state_of(most, sum_, sum_ > 0 ? gone_at(buckets_.back()) - now : 0);
}

void lease_set::slide(std::int64_t now) {
  if (now < earliest_) return;
  std::erase_if(until_, [now](const auto& each) { return each.second <= now; });
  earliest_ = std::numeric_limits<std::int64_t>::max();
  for (const auto& [id, until] : until_) earliest_ = std::min(earliest_, until);
}

limit_judgement lease_set::judge(const limit_want& want) const {
  if (want.amount > want.most) return {false, want.window.count()};
  if (static_cast<std::int64_t>(until_.size()) + want.amount <= want.most) return {true, 0};
  const std::chrono::milliseconds wait = limits::limit_stream_retry;
  return {false, std::min(wait, want.window).count()};
}

limit_state lease_set::state(std::int64_t now, std::int64_t most) const {
  std::int64_t last = now;
  for (const auto& [id, until] : until_) last = std::max(last, until);
  return state_of(most, static_cast<std::int64_t>(until_.size()), last - now);
}

} // namespace troupe::memory
