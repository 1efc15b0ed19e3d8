#include "broker/broker_list.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

constexpr int rounds_to_forget = 3;
constexpr std::chrono::seconds gossip_lasts{30};

} // namespace

broker_list::entry* broker_list::at(const std::string& address) {
  const auto found = std::ranges::find(entries_, address, &entry::address);
  return found == entries_.end() ? nullptr : &*found;
}

broker_list::entry* broker_list::add(const std::string& address) {
  if (auto* known = at(address)) return known;
  if (entries_.size() >= brokers_max) return nullptr;
  return &entries_.emplace_back(entry{.address = address});
}

void broker_list::resolved(const std::vector<std::string>& found) {
  for (auto& e : entries_) e.rounds_without = std::min(e.rounds_without + 1, rounds_to_forget);
  for (const auto& address : found) {
    if (entries_.size() >= brokers_max && at(address) == nullptr) drop_hearsay();
    if (auto* e = add(address)) e->rounds_without = 0;
  }
}

/// Makes room: one that nobody here is linked to, and that only others speak of.
void broker_list::drop_hearsay() {
  const auto found = std::ranges::find_if(entries_, [](const entry& e) {
    return !e.is_linked && e.rounds_without >= rounds_to_forget;
  });
  if (found != entries_.end()) entries_.erase(found);
}

void broker_list::heard(instant now, const std::vector<std::string>& addresses) {
  for (const auto& address : addresses)
    if (auto* e = add(address)) e->heard = now;
}

void broker_list::linked(const std::string& address, bool is) {
  if (auto* e = at(address)) e->is_linked = is;
}

void broker_list::prune(instant now) {
  std::erase_if(entries_, [&](const entry& e) {
    return !e.is_linked && e.rounds_without >= rounds_to_forget &&
           (e.heard == instant{} || now - e.heard > gossip_lasts);
  });
}

std::vector<std::string> broker_list::all() const {
  std::vector<std::string> out;
  for (const auto& e : entries_) out.push_back(e.address);
  return out;
}

} // namespace troupe::wire
