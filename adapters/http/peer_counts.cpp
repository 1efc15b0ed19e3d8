#include "adapters/http/peer_counts.hpp"

namespace troupe::http {

std::optional<peer_counts::place> peer_counts::take(const ip_address& peer) {
  if (most_ == 0) return place();
  auto who = limit_address(to_string(peer));
  const std::lock_guard lock(mutex_);
  auto& count = counts_[who];
  if (count >= most_) return std::nullopt;
  ++count;
  return place(*this, std::move(who));
}

void peer_counts::give_back(const std::string& who) {
  const std::lock_guard lock(mutex_);
  const auto at = counts_.find(who);
  if (at != counts_.end() && --at->second == 0) counts_.erase(at);
}

} // namespace troupe::http
