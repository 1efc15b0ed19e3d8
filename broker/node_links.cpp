#include "broker/node_links.hpp"

#include <algorithm>

namespace troupe::wire {

void node_links::add(instant now, link_id id, std::string address) {
  remove(now, id);
  const auto at = std::ranges::find_if(links_, [&](const auto& l) { return l->id() > id; });
  auto& made = **links_.insert(
      at, std::make_unique<link_state>(id, std::move(address), who_, bounds_, out_));
  if (is_draining_) made.drain();
  made.greet(now);
}

bool node_links::remove(instant now, link_id id) {
  if (std::erase_if(links_, [&](const auto& l) { return l->id() == id; }) == 0) return false;
  share(now);
  return true;
}

void node_links::share(instant now) {
  const auto count = welcomed();
  for (auto& l : links_) l->offer(now, count);
}

std::size_t node_links::welcomed() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(links_, &link_state::is_welcomed));
}

void node_links::drain() {
  if (std::exchange(is_draining_, true)) return;
  for (auto& l : links_) l->drain();
}

void node_links::forgive(instant now) {
  for (auto& l : links_) l->forgive(now);
}

link_state* node_links::find(link_id id) noexcept {
  for (auto& l : links_)
    if (l->id() == id) return l.get();
  return nullptr;
}

bool node_links::is_welcomed(link_id id) noexcept {
  const auto* l = find(id);
  return l != nullptr && l->is_welcomed();
}

link_id node_links::choose(instant now, link_id except) {
  candidates_.clear();
  const auto collect = [&](bool is_picky) {
    for (auto& l : links_)
      if (l->is_welcomed() && l->id() != except &&
          (!is_picky || (!l->is_leaving() && !l->is_suspect(now))))
        candidates_.push_back(l.get());
  };
  collect(true);
  if (candidates_.empty()) collect(false);
  if (candidates_.empty()) return 0;
  if (candidates_.size() == 1) return candidates_.front()->id();
  const auto first = chance_() % candidates_.size();
  const auto second = (first + 1 + chance_() % (candidates_.size() - 1)) % candidates_.size();
  const auto *one = candidates_[first], *other = candidates_[second];
  return (other->in_flight < one->in_flight ? other : one)->id();
}

link_id node_links::next(link_id last) const {
  link_id lowest = 0;
  for (const auto& l : links_) {
    if (!l->is_welcomed()) continue;
    if (l->id() > last) return l->id();
    if (lowest == 0) lowest = l->id();
  }
  return lowest;
}

std::vector<std::string> node_links::addresses() const {
  std::vector<std::string> out;
  for (const auto& l : links_)
    if (l->is_linked() && !l->address().empty()) out.push_back(l->address());
  return out;
}

bool node_links::is_linked() const noexcept {
  return std::ranges::any_of(links_, &link_state::is_linked);
}

bool node_links::are_all_in(const std::vector<link_id>& some) const {
  return std::ranges::all_of(links_, [&](const auto& l) {
    return !l->is_welcomed() || std::ranges::find(some, l->id()) != some.end();
  });
}

bool node_links::is_leaving() const noexcept {
  return !links_.empty() && std::ranges::all_of(links_, &link_state::is_leaving);
}

instant node_links::due() const {
  auto at = instant::max();
  for (const auto& l : links_) at = std::min(at, l->due());
  return at;
}

} // namespace troupe::wire
