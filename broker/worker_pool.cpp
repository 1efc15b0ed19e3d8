#include "broker/worker_pool.hpp"

#include <algorithm>
#include <utility>

namespace troupe::wire {

worker_pool::rank worker_pool::rank_of(const worker& w) noexcept {
  return {(std::uint64_t{w.busy} << 32) / w.capacity, w.used, &w};
}

bool worker_pool::is_free(const worker& w) noexcept {
  return !w.is_draining && !w.is_stuck && w.busy < w.capacity;
}

template <class Change>
void worker_pool::change(const peer_id& id, Change what) {
  const auto at = all_.find(id);
  if (at == all_.end()) return;
  auto& w = at->second;
  if (is_free(w)) free_.erase(rank_of(w));
  serving_ -= w.is_draining ? 0 : 1;
  what(w);
  serving_ += w.is_draining ? 0 : 1;
  if (is_free(w)) free_.insert(rank_of(w));
}

void worker_pool::offer(const peer_id& id, std::uint32_t capacity, bool is_draining) {
  const auto [at, is_new] = all_.try_emplace(id);
  if (is_new) {
    at->second.id = id;
    at->second.used = ++turns_;
    ++serving_;
  }
  change(id, [&](worker& w) {
    w.capacity = std::max(1u, capacity);
    w.is_draining = is_draining;
  });
}

void worker_pool::declare(const peer_id& id, bool is_declaring) {
  const auto at = all_.find(id);
  if (at == all_.end() || std::exchange(at->second.is_declaring, is_declaring) == is_declaring)
    return;
  is_declaring ? ++declaring_ : --declaring_;
}

bool worker_pool::declares(const peer_id& id) const {
  const auto* w = find(id);
  return w != nullptr && w->is_declaring;
}

void worker_pool::remove(const peer_id& id) {
  const peer_id gone = id; // it may lie inside what is erased
  declare(gone, false);
  change(gone, [](worker& w) { w.is_draining = true; });
  all_.erase(gone);
}

void worker_pool::drain(const peer_id& id) {
  change(id, [](worker& w) { w.is_draining = true; });
}

bool worker_pool::set_stuck(const peer_id& id, bool is_stuck) {
  bool was = is_stuck;
  change(id, [&](worker& w) { was = std::exchange(w.is_stuck, is_stuck); });
  return was != is_stuck;
}

const worker_pool::worker* worker_pool::best(const peer_id& except) const {
  for (const auto& r : free_) // the first or the second
    if (r.who->id != except) return r.who;
  return nullptr;
}

void worker_pool::take(const peer_id& id) {
  change(id, [this](worker& w) {
    ++w.busy;
    w.used = ++turns_;
  });
}

void worker_pool::give_back(const peer_id& id) {
  change(id, [](worker& w) {
    if (w.busy > 0) --w.busy;
  });
}

const worker_pool::worker* worker_pool::find(const peer_id& id) const {
  const auto at = all_.find(id);
  return at == all_.end() ? nullptr : &at->second;
}

bool worker_pool::serves(const peer_id& except) const {
  const auto* w = except.empty() ? nullptr : find(except);
  return serving_ > (w != nullptr && !w->is_draining ? 1u : 0u);
}

} // namespace troupe::wire
