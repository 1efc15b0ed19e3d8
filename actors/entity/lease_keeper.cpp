#include "actors/entity/lease_keeper.hpp"

#include <algorithm>
#include <utility>

namespace troupe::entity {

lease_keeper::lease_keeper(keeper_config config)
    : config_(std::move(config)), chance_(config_.seed) {}

void lease_keeper::tick(instant now, keeper_outputs& out) {
  for (auto* slot : {&join_, &take_, &keep_, &give_}) drop_overdue(*slot, now);
  close_run_out(now, out);
  tell_wanted(out);
  ask_join(now, out);
  ask_leave(out);
  ask_keep(now, out);
  ask_give(now, out);
  ask_take(now, out);
}

instant lease_keeper::due() const {
  auto out = instant::max();
  const auto sooner = [&out](instant when) { out = std::min(out, when); };
  for (const auto* slot : {&join_, &take_, &keep_, &give_})
    if (slot->id != 0) sooner(slot->sent + config_.ttl);
  if (!is_draining_ && join_.id == 0) sooner(join_.next);
  for (std::size_t n = 0; n < shards_.size(); ++n) {
    const auto& each = shards_[n];
    const auto shard = static_cast<shard_number>(n);
    if (each.at == phase::away) {
      if (!is_draining_ && take_.id == 0 && is_assigned(shard))
        sooner(std::max(each.retry, take_.next));
      continue;
    }
    if (!is_being_given(shard)) sooner(each.until);
    if (each.at == phase::owned && keep_.id == 0) sooner(keep_.next);
    if (each.at == phase::parting && give_.id == 0) sooner(give_.next);
  }
  return out;
}

// Calls.

bool lease_keeper::settles(call_slot& slot, std::uint64_t id) const noexcept {
  if (id == 0 || slot.id != id) return false; // it came too late, or twice
  slot.id = 0;
  return true;
}

void lease_keeper::begin(call_slot& slot, instant now) {
  slot.id = ++calls_;
  slot.sent = now;
  slot.about.clear();
}

/// Waits a little, more each time, up to a sixth of the ttl: leases that are kept every third have
/// several tries.
void lease_keeper::failed(call_slot& slot, instant now) {
  slot.id = 0;
  slot.failures = std::min(slot.failures + 1, 5);
  const auto most = std::min(config_.ttl / 60 * (1 << slot.failures), config_.ttl / 6);
  slot.next = now + jittered(most, 0.5);
}

/// An answer that has not come for a ttl is of no use any more.
void lease_keeper::drop_overdue(call_slot& slot, instant now) {
  if (slot.id != 0 && now >= slot.sent + config_.ttl) failed(slot, now);
}

void lease_keeper::ask_join(instant now, keeper_outputs& out) {
  if (is_draining_ || join_.id != 0 || now < join_.next) return;
  begin(join_, now);
  out.emplace_back(join_call{join_.id});
}

/// Behind a join that is on its way, or it would be undone.
void lease_keeper::ask_leave(keeper_outputs& out) {
  if (!is_draining_ || join_.id != 0 || std::exchange(has_left_, true)) return;
  out.emplace_back(leave_call{});
}

void lease_keeper::ask_take(instant now, keeper_outputs& out) {
  if (is_draining_ || take_.id != 0 || now < take_.next) return;
  std::vector<shard_number> wanted;
  for (std::size_t n = 0; n < shards_.size(); ++n) {
    const auto shard = static_cast<shard_number>(n);
    auto& each = shards_[n];
    if (each.at != phase::away || !is_assigned(shard) || now < each.retry) continue;
    each.asked = now;
    wanted.push_back(shard);
  }
  if (wanted.empty()) return;
  begin(take_, now);
  out.emplace_back(take_call{take_.id, std::move(wanted)});
}

void lease_keeper::ask_keep(instant now, keeper_outputs& out) {
  if (keep_.id != 0 || now < keep_.next || !has(phase::owned)) return;
  begin(keep_, now);
  for (std::size_t n = 0; n < shards_.size(); ++n)
    if (shards_[n].at == phase::owned)
      keep_.about.push_back({static_cast<shard_number>(n), shards_[n].epoch, {}});
  out.emplace_back(keep_call{keep_.id, keep_.about});
}

void lease_keeper::ask_give(instant now, keeper_outputs& out) {
  if (give_.id != 0 || now < give_.next || !has(phase::parting)) return;
  begin(give_, now);
  std::vector<lease_hold> holds;
  for (std::size_t n = 0; n < shards_.size(); ++n) {
    const auto& each = shards_[n];
    if (each.at != phase::parting) continue;
    holds.push_back({static_cast<shard_number>(n), each.epoch, each.state});
    give_.about.push_back({holds.back().shard, each.epoch, {}});
  }
  out.emplace_back(give_call{give_.id, std::move(holds)});
}

// Answers.

void lease_keeper::joined(instant now, std::uint64_t id, result<std::vector<std::string>> said,
                          keeper_outputs& out) {
  if (!settles(join_, id)) return;
  if (!said) {
    failed(join_, now);
  } else {
    join_.failures = 0;
    join_.next = join_.sent + third();
    auto table = assign_shards(std::move(*said));
    if (!is_draining_ && table != table_) {
      table_ = std::move(table);
      out.emplace_back(table_changed{});
    }
  }
  tick(now, out);
}

void lease_keeper::taken(instant now, std::uint64_t id, result<std::vector<lease_verdict>> said,
                         keeper_outputs& out) {
  if (!settles(take_, id)) return;
  if (!said) {
    failed(take_, now);
  } else {
    take_.failures = 0;
    for (auto& each : *said) heed_verdict(now, each, out);
  }
  tick(now, out);
}

void lease_keeper::heed_verdict(instant now, lease_verdict& said, keeper_outputs& out) {
  auto& at = shards_.at(said.shard);
  if (at.at != phase::away) return;
  if (!said.granted) {
    at.retry = now + jittered(std::min<instant::duration>(said.remaining + config_.margin / 10,
                                                          config_.ttl / 10),
                              0.5);
    return;
  }
  const bool kept_any = has(phase::owned);
  const auto next_keep = take_.sent + third();
  at.epoch = said.epoch;
  at.until = take_.sent + config_.ttl - config_.margin;
  at.retry = now + jittered(config_.ttl / 6, 0.5); // should it be over already
  if (is_draining_ || !is_assigned(said.shard)) {
    // Given back without a state: the saved one stays. But not when it slipped from us: then that
    // state is not whole, and the lease must run out for the next owner to be told so.
    if (at.opened_epoch != said.epoch) at.at = phase::parting;
    return;
  }
  if (at.until <= now) return;
  keep_.next = kept_any ? std::min(keep_.next, next_keep) : next_keep;
  open(said.shard, said, out);
}

void lease_keeper::kept(instant now, std::uint64_t id, const result<std::vector<lease_kept>>& said,
                        keeper_outputs& out) {
  if (!settles(keep_, id)) return;
  if (!said) {
    failed(keep_, now);
    return tick(now, out);
  }
  keep_.failures = 0;
  keep_.next = keep_.sent + third();
  for (const auto& asked : keep_.about) {
    auto& at = shards_.at(asked.shard);
    const auto found = std::ranges::find(*said, asked.shard, &lease_kept::shard);
    if (at.at != phase::owned || at.epoch != asked.epoch || found == said->end()) continue;
    if (!found->kept) {
      close(asked.shard, close_reason::lost, now, out);
      continue;
    }
    at.until = std::max(at.until, keep_.sent + config_.ttl - config_.margin);
    at.is_wanted |= found->wanted;
  }
  tick(now, out);
}

void lease_keeper::given(instant now, std::uint64_t id,
                         const result<std::vector<shard_number>>& said, keeper_outputs& out) {
  if (!settles(give_, id)) return;
  if (!said) {
    failed(give_, now);
    return tick(now, out);
  }
  give_.failures = 0;
  for (const auto& asked : give_.about) {
    const auto& at = shards_.at(asked.shard);
    if (at.at != phase::parting || at.epoch != asked.epoch) continue;
    const bool ours = std::ranges::find(*said, asked.shard) == said->end();
    close(asked.shard, ours ? close_reason::given : close_reason::lost, now, out);
  }
  tick(now, out);
}

// What the host asks for.

void lease_keeper::need(instant now, shard_number shard, keeper_outputs& out) {
  auto& at = shards_.at(shard);
  // Not at every request: whoever has it is told once in a while.
  if (at.at == phase::away) at.retry = std::min(at.retry, at.asked + config_.ttl / 20);
  tick(now, out);
}

void lease_keeper::give_up(instant now, shard_number shard, std::uint64_t epoch,
                           std::optional<std::string> state, keeper_outputs& out) {
  auto& at = shards_.at(shard);
  if (at.at == phase::owned && at.epoch == epoch) {
    at.at = phase::parting;
    at.state = std::move(state);
  }
  tick(now, out);
}

void lease_keeper::drain(instant now, keeper_outputs& out) {
  is_draining_ = true;
  tick(now, out);
}

bool lease_keeper::is_drained() const noexcept {
  return has_left_ && take_.id == 0 && !has(phase::owned) && !has(phase::parting);
}

bool lease_keeper::owns(shard_number shard, instant now) const noexcept {
  const auto& at = shards_[shard];
  return at.at == phase::owned && now < at.until;
}

std::optional<std::uint64_t> lease_keeper::epoch_of(shard_number shard,
                                                    instant now) const noexcept {
  return owns(shard, now) ? std::optional(shards_[shard].epoch) : std::nullopt;
}

// The life of a shard.

void lease_keeper::open(shard_number shard, lease_verdict& said, keeper_outputs& out) {
  auto& at = shards_[shard];
  at.at = phase::owned;
  at.is_opened = true;
  at.is_wanted = at.was_told = false;
  // The same ownership again: what was done in it and not saved is not in the state.
  const bool slipped = std::exchange(at.opened_epoch, at.epoch) == at.epoch;
  out.emplace_back(shard_opened{shard, at.epoch, std::move(said.state),
                                said.was_released && !slipped, said.saved_ago});
}

void lease_keeper::close(shard_number shard, close_reason why, instant now, keeper_outputs& out) {
  auto& at = shards_[shard];
  at.at = phase::away;
  at.state.reset();
  at.retry = now;
  if (std::exchange(at.is_opened, false)) out.emplace_back(shard_closed{shard, at.epoch, why});
}

void lease_keeper::close_run_out(instant now, keeper_outputs& out) {
  for (std::size_t n = 0; n < shards_.size(); ++n) {
    const auto shard = static_cast<shard_number>(n);
    const auto& each = shards_[n];
    if (each.at == phase::away || now < each.until || is_being_given(shard)) continue;
    close(shard, close_reason::ran_out, now, out);
  }
}

void lease_keeper::tell_wanted(keeper_outputs& out) {
  for (std::size_t n = 0; n < shards_.size(); ++n) {
    auto& each = shards_[n];
    const auto shard = static_cast<shard_number>(n);
    const bool should_go = is_draining_ || (each.is_wanted && !is_assigned(shard));
    if (each.at != phase::owned || !should_go || std::exchange(each.was_told, true)) continue;
    out.emplace_back(shard_wanted{shard, each.epoch});
  }
}

bool lease_keeper::is_being_given(shard_number shard) const noexcept {
  return shards_[shard].at == phase::parting && give_.id != 0 &&
         std::ranges::find(give_.about, shard, &lease_hold::shard) != give_.about.end();
}

bool lease_keeper::has(phase what) const noexcept {
  return std::ranges::find(shards_, what, &shard_state::at) != shards_.end();
}

instant::duration lease_keeper::jittered(instant::duration most, double share) {
  const double part = std::uniform_real_distribution(1 - share, 1.0)(chance_);
  return std::chrono::duration_cast<instant::duration>(most * part);
}

} // namespace troupe::entity
