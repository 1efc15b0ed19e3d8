#include "broker/call_queue.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

/// Of the slots that become free while all of them wait: interactive, normal, batch.
constexpr std::array<int, 4> weights{0, 14, 5, 1};
constexpr std::size_t yielding_max = 16; ///< for one that comes

} // namespace

call_queue::verdict call_queue::push(waiting_call call, instant now, std::vector<call_id>& out) {
  call.priority = std::min<std::uint8_t>(call.priority, levels_.size() - 1);
  if (!call.caller.empty())
    if (const auto at = of_caller_.find(call.caller);
        at != of_caller_.end() && at->second >= bounds_.calls_of_a_caller)
      return verdict::callers_fill;
  const auto yielding = who_yields(call, now);
  if (!yielding) return verdict::full;
  for (const auto& cid : *yielding) {
    out.push_back(cid);
    erase(cid);
  }
  auto& l = levels_[call.priority];
  auto [known, is_new] = l.by_caller.try_emplace(call.caller);
  if (is_new) known->second = l.lines.insert(l.lines.end(), caller_line{call.caller, {}});
  const auto line = known->second;
  const auto place = line->calls.insert(line->calls.end(), call.cid);
  ++of_caller_[call.caller];
  bytes_ += call.bytes;
  ++by_priority_[call.priority];
  ranks_.insert(rank_of(call));
  ages_.emplace(call.since, call.cid);
  const auto cid = call.cid;
  waiting_.emplace(cid, entry{std::move(call), line, place});
  return verdict::taken;
}

/// Nothing when they would not do: then nobody goes.
std::optional<std::vector<call_id>> call_queue::who_yields(const waiting_call& fresh,
                                                           instant now) const {
  std::vector<call_id> out;
  auto calls = waiting_.size();
  auto bytes = bytes_ + fresh.bytes;
  for (auto next = ranks_.begin(); calls >= bounds_.calls || bytes > bounds_.bytes; ++next) {
    if (next == ranks_.end() || out.size() == yielding_max) return std::nullopt;
    const auto& old = waiting_.at(std::get<call_id>(*next)).call;
    if (!must_yield(old, fresh, now)) return std::nullopt;
    out.push_back(old.cid);
    --calls;
    bytes -= old.bytes;
  }
  return out;
}

/// One of the same priority yields when it will expire before its turn comes, which is as far off
/// as the oldest has come to wait.
bool call_queue::must_yield(const waiting_call& old, const waiting_call& fresh, instant now) const {
  if (old.priority != fresh.priority) return old.priority > fresh.priority;
  return old.deadline < now + age(now) && old.deadline < fresh.deadline;
}

std::optional<call_id> call_queue::pop() {
  auto* l = next_level();
  if (l == nullptr) return std::nullopt;
  const auto line = l->lines.begin();
  const auto cid = line->calls.front();
  l->lines.splice(l->lines.end(), l->lines, line); // the others first
  erase(cid);
  return cid;
}

/// Smooth weighted round-robin among those that have something, as nginx has it for its upstreams.
call_queue::level* call_queue::next_level() {
  if (!levels_[0].lines.empty()) return &levels_[0];
  level* best = nullptr;
  int total = 0;
  for (std::size_t n = 1; n < levels_.size(); ++n) {
    auto& l = levels_[n];
    if (l.lines.empty()) continue;
    total += weights[n];
    l.due += weights[n];
    if (best == nullptr || l.due > best->due) best = &l;
  }
  if (best != nullptr) best->due -= total;
  return best;
}

void call_queue::erase(const call_id& cid) {
  const auto at = waiting_.find(cid);
  if (at == waiting_.end()) return;
  auto& [call, line, place] = at->second;
  bytes_ -= call.bytes;
  --by_priority_[call.priority];
  ranks_.erase(rank_of(call));
  ages_.erase({call.since, cid});
  if (const auto count = of_caller_.find(call.caller); --count->second == 0)
    of_caller_.erase(count);
  line->calls.erase(place);
  if (line->calls.empty()) {
    auto& l = levels_[call.priority];
    l.by_caller.erase(call.caller);
    l.lines.erase(line);
    if (l.lines.empty()) l.due = 0;
  }
  waiting_.erase(at);
}

std::vector<call_id> call_queue::clear() {
  std::vector<call_id> out;
  for (const auto& [cid, e] : waiting_) out.push_back(cid);
  for (const auto& cid : out) erase(cid);
  return out;
}

instant::duration call_queue::age(instant now) const {
  return ages_.empty() ? instant::duration::zero() : now - ages_.begin()->first;
}

} // namespace troupe::wire
