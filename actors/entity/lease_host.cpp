#include "actors/entity/lease_host.hpp"

#include "actors/ports/boot_clock.hpp"
#include "messages/base/log.hpp"
#include "messages/base/metrics.hpp"
#include "messages/topology.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace troupe {
namespace {

/// In the store a node is named by instance_text().
std::uint64_t node_named(std::string_view name) {
  constexpr int base = 16;
  std::uint64_t node = 0;
  std::from_chars(name.data(), name.data() + name.size(), node, base);
  return node;
}

lease_host_config complete(lease_host_config in) {
  if (!in.now) in.now = boot_now;
  return in;
}

entity::keeper_config keeper_settings(const lease_host_config& in) {
  entity::keeper_config out;
  out.node = instance_text(in.node);
  out.ttl = in.ttl;
  out.margin = in.ttl / 10;
  out.seed = static_cast<std::uint32_t>(in.node);
  return out;
}

metrics::metric& shards_lost() {
  static metrics::metric count(metrics::kind::counter, "troupe_shards_lost_total",
                               "shards whose lease ran out or was lost before it was given up");
  return count;
}

metrics::metric& shards_taken_over() {
  static metrics::metric count(metrics::kind::counter, "troupe_shards_taken_over_total",
                               "shards taken over from a node that had ended without a word");
  return count;
}

} // namespace

lease_host::lease_host(lease_host_config config)
    : config_(complete(std::move(config))),
      name_(instance_text(config_.node)),
      keeper_(keeper_settings(config_)) {}

void lease_host::tick() {
  entity::keeper_outputs out;
  {
    const std::lock_guard lock(mutex_);
    if (wants_drain_ && !left_) leave_if_may(out);
    keeper_.tick(now(), out);
  }
  run(std::move(out));
}

/// Whoever still takes this node for an owner finds out whose the shards are now.
void lease_host::leave_if_may(entity::keeper_outputs& out) {
  auto others = keeper_.table().nodes;
  std::erase(others, name_);
  if (others.empty() && !is_drained_at_last_) return;
  left_ = now();
  heirs_ = assign_shards(std::move(others));
  keeper_.drain(now(), out);
}

std::uint64_t lease_host::epoch_of(shard_number shard) const {
  const std::lock_guard lock(mutex_);
  const auto epoch = keeper_.epoch_of(shard, now()).value_or(0);
  return shards_[shard].ready == epoch ? epoch : 0;
}

std::uint64_t lease_host::owner_of(shard_number shard) const {
  const std::lock_guard lock(mutex_);
  return node_named(left_ ? heirs_.node_of(shard) : keeper_.owner_of(shard));
}

std::optional<lease_fence> lease_host::fence_of(shard_number shard) const {
  const auto epoch = epoch_of(shard);
  if (epoch == 0) return std::nullopt;
  return lease_fence{config_.service, shard, epoch};
}

bool lease_host::has_shards() const {
  const std::lock_guard lock(mutex_);
  for (shard_number shard = 0; shard < limits::shards; ++shard)
    if (keeper_.owns(shard, now())) return true;
  return false;
}

bool lease_host::gave(const lease_fence& fence) const {
  const std::lock_guard lock(mutex_);
  return shards_[fence.shard].given == fence.epoch;
}

void lease_host::drain(bool at_last) {
  {
    const std::lock_guard lock(mutex_);
    wants_drain_ = true;
    is_drained_at_last_ = is_drained_at_last_ || at_last;
  }
  tick();
}

bool lease_host::is_leaving() const {
  const std::lock_guard lock(mutex_);
  return left_.has_value();
}

bool lease_host::is_drained() const {
  const std::lock_guard lock(mutex_);
  if (!left_ || !keeper_.is_drained()) return false;
  return heirs_.nodes.empty() || now() >= *left_ + config_.ttl / 2;
}

/// What the keeper wants is done in its order, by one thread at a time and without the lock: a
/// store may answer at once, and a hook may ask this host.
void lease_host::run(entity::keeper_outputs out) {
  std::unique_lock lock(mutex_);
  for (auto& each : out) due_.push_back(std::move(each));
  if (is_running_) return;
  is_running_ = true;
  while (!due_.empty() || !saved_.empty()) {
    if (!saved_.empty()) { // first: a state that is given up next counts from here
      const auto shards = std::exchange(saved_, {});
      lock.unlock();
      for (const auto shard : shards) config_.hooks.saved(shard);
      lock.lock();
      continue;
    }
    auto one = std::move(due_.front());
    due_.pop_front();
    lock.unlock();
    std::visit([this](auto& what) { handle(what); }, one);
    lock.lock();
  }
  is_running_ = false;
}

/// A store's answer for the keeper: `heed` gets it under the lock.
template <class T, class Heed>
reply<T> lease_host::heed(Heed heed) {
  return reply<T>([weak = weak_from_this(), heed](result<T> said) mutable {
    const auto me = weak.lock();
    if (!me) return;
    entity::keeper_outputs out;
    {
      const std::lock_guard lock(me->mutex_);
      heed(me->keeper_, me->now(), std::move(said), out);
    }
    me->run(std::move(out));
  });
}

void lease_host::handle(entity::join_call& one) {
  using names = std::vector<std::string>;
  config_.store->join(
      config_.service, name_, config_.ttl,
      heed<names>([id = one.id](auto& keeper, auto when, result<names> said, auto& out) {
        keeper.joined(when, id, std::move(said), out);
      }));
}

void lease_host::handle(entity::leave_call&) {
  config_.store->leave(config_.service, name_, reply<done>([](const result<done>&) {}));
}

void lease_host::handle(entity::take_call& one) {
  using verdicts = std::vector<lease_verdict>;
  config_.store->take(
      config_.service, name_, std::move(one.shards), config_.ttl,
      heed<verdicts>([id = one.id](auto& keeper, auto when, result<verdicts> said, auto& out) {
        keeper.taken(when, id, std::move(said), out);
      }));
}

void lease_host::handle(entity::keep_call& one) {
  using all = std::vector<lease_kept>;
  std::vector<shard_number> carried;
  for (auto& hold : one.holds) {
    hold.state = state_of(hold.shard);
    if (hold.state) carried.push_back(hold.shard);
  }
  auto then = [this, id = one.id, carried](auto& keeper, auto when, const result<all>& said,
                                           auto& out) {
    keeper.kept(when, id, said, out);
    if (!said || !config_.hooks.saved) return;
    for (const auto& each : *said)
      if (each.kept && std::ranges::find(carried, each.shard) != carried.end())
        saved_.push_back(each.shard);
  };
  config_.store->keep(config_.service, name_, std::move(one.holds), config_.ttl,
                      heed<all>(std::move(then)));
}

void lease_host::handle(entity::give_call& one) {
  using strays = std::vector<shard_number>;
  config_.store->give(
      config_.service, name_, std::move(one.holds),
      heed<strays>([id = one.id](auto& keeper, auto when, const result<strays>& said, auto& out) {
        keeper.given(when, id, said, out);
      }));
}

void lease_host::handle(entity::shard_opened& one) {
  if (one.epoch > 1 && !one.was_released) shards_taken_over().add();
  if (config_.hooks.opened) config_.hooks.opened(one.shard, one.epoch, one.state, one.saved_ago);
  const std::lock_guard lock(mutex_);
  shards_[one.shard].ready = one.epoch;
}

/// Whoever looks after it now finds another owner. What was counted in the moment between is in
/// the state, for what is asked again there is known by its id.
void lease_host::handle(entity::shard_wanted& one) {
  {
    const std::lock_guard lock(mutex_);
    shards_[one.shard].ready = 0;
    shards_[one.shard].given = one.epoch;
  }
  auto state = state_of(one.shard);
  entity::keeper_outputs out;
  {
    const std::lock_guard lock(mutex_);
    keeper_.give_up(now(), one.shard, one.epoch, std::move(state), out);
  }
  run(std::move(out));
}

void lease_host::handle(entity::shard_closed& one) {
  {
    const std::lock_guard lock(mutex_);
    auto& at = shards_[one.shard];
    at.ready = 0;
    if (one.why != entity::close_reason::given) at.given = 0;
  }
  if (one.why != entity::close_reason::given) {
    shards_lost().add();
    log::warn("shards.lost", {{"service", config_.service}, {"shard", std::to_string(one.shard)}});
  }
  if (config_.hooks.closed) config_.hooks.closed(one.shard, one.epoch);
}

void lease_host::handle(entity::table_changed&) {
  std::size_t nodes = 0;
  {
    const std::lock_guard lock(mutex_);
    nodes = keeper_.table().nodes.size();
  }
  log::info("shards.nodes", {{"service", config_.service}, {"nodes", std::to_string(nodes)}});
}

std::optional<std::string> lease_host::state_of(shard_number shard) const {
  return config_.hooks.save ? config_.hooks.save(shard) : std::nullopt;
}

} // namespace troupe
