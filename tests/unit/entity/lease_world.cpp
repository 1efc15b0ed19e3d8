#include "tests/unit/entity/lease_world.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace troupe::entity_sim {
namespace {

constexpr const char* service = "s";
constexpr auto ttl = 3000ms;

std::string shown(shard_number shard, std::uint64_t epoch) {
  return "shard " + std::to_string(shard) + " epoch " + std::to_string(epoch);
}

} // namespace

void tally::add(const tally& other) {
  for (auto count : {&tally::opened_whole, &tally::opened_after_crash, &tally::given, &tally::lost,
                     &tally::ran_out, &tally::writes, &tally::refused_writes, &tally::freezes,
                     &tally::kills, &tally::drains, &tally::outages})
    this->*count += other.*count;
  for (const auto& each : other.wrongs)
    if (wrongs.size() < 10) wrongs.push_back(each);
}

world::world(world_config config)
    : config_(config), chance_(config.seed), store_(make_memory_lease_store([this] {
        return std::chrono::floor<milliseconds>(now_) + milliseconds(777);
      })) {}

tally world::run() {
  while (nodes_.size() < config_.nodes) {
    nodes_.push_back(make_node());
    start(nodes_.back());
  }
  at(now_ + between(500ms, 2s), [this] { trouble(); });
  const auto calm_from = now_ + config_.rough;
  run_until(calm_from);
  is_rough_ = false;
  store_back_ = now_;
  run_until(calm_from + config_.calm);
  check_all_is_well();
  return std::move(tally_);
}

// Time.

void world::at(microseconds when, std::function<void()> what) {
  events_.push({std::max(when, now_), ++events_made_, std::move(what)});
}

void world::on(const node_ptr& who, microseconds when, std::function<void()> what) {
  at(when, [this, who, what = std::move(what)]() mutable {
    if (std::ranges::find(nodes_, who) == nodes_.end()) return;
    if (who->frozen_until > now_) return on(who, who->frozen_until, std::move(what));
    what();
  });
}

void world::run_until(microseconds end) {
  while (!events_.empty() && events_.top().when <= end) {
    auto next = std::move(const_cast<event&>(events_.top())); // top() gives no other way to move
    events_.pop();
    now_ = next.when;
    next.what();
  }
  now_ = end;
}

entity::instant world::local(const node& who) const {
  const std::chrono::duration<double, std::micro> passed = (now_ - microseconds(1h)) * who.rate;
  return entity::instant(who.zero + std::chrono::duration_cast<microseconds>(passed));
}

bool world::happens(double probability) {
  return static_cast<double>(chance_() >> 11) * 0x1p-53 < probability;
}

microseconds world::between(microseconds least, microseconds most) {
  return least + microseconds(pick(static_cast<std::uint64_t>((most - least).count()) + 1));
}

// Nodes.

world::node_ptr world::make_node() {
  auto made = std::make_shared<node>();
  made->name = "node" + std::to_string(++nodes_made_);
  made->rate = 0.98 + 0.04 * static_cast<double>(pick(1001)) / 1000;
  made->zero = between(0s, 1000h);
  made->keeper = std::make_unique<entity::lease_keeper>(entity::keeper_config{
      .node = made->name, .ttl = ttl, .seed = static_cast<std::uint32_t>(chance_())});
  return made;
}

void world::start(const node_ptr& who) {
  on(who, now_ + between(0s, 1s), [this, who] {
    step(who, [&](auto& out) { who->keeper->tick(local(*who), out); });
    work(who);
  });
}

template <class F>
void world::step(const node_ptr& who, F input) {
  entity::keeper_outputs out;
  input(out);
  heed(who, std::move(out));
  wake_in_time(who);
}

void world::wake_in_time(const node_ptr& who) {
  const auto due = who->keeper->due();
  if (due == entity::instant::max()) return;
  const std::chrono::duration<double, std::micro> left = (due - local(*who)) / who->rate;
  const auto when = now_ + std::max(microseconds(1), std::chrono::ceil<microseconds>(left));
  if (who->wakes_at > now_ && who->wakes_at <= when) return;
  who->wakes_at = when;
  on(who, when,
     [this, who] { step(who, [&](auto& out) { who->keeper->tick(local(*who), out); }); });
}

void world::heed(const node_ptr& who, entity::keeper_outputs out) {
  for (auto& each : out) std::visit([&](auto& what) { act(who, what); }, each);
}

// Calls.

template <class T>
void world::call(const node_ptr& who, std::function<void(reply<T>)> apply,
                 std::function<void(result<T>)> answer) {
  const bool slow = is_rough_ && happens(0.03);
  who->last_call =
      std::max(who->last_call, now_ + (slow ? between(200ms, 5s) : between(1ms, 30ms)));
  const bool is_lost = is_rough_ && happens(0.03);
  at(who->last_call, [this, who, is_lost, apply = std::move(apply), answer = std::move(answer)] {
    const auto lost = fail(errc::unavailable, "nobody knows");
    result<T> said = lost;
    if (!is_lost && now_ >= store_back_)
      apply(reply<T>([&said](result<T> r) { said = std::move(r); }));
    if (is_rough_ && happens(0.03)) return;      // no answer at all
    if (is_rough_ && happens(0.03)) said = lost; // it was done, and nobody knows
    const auto back = now_ + between(1ms, 30ms);
    on(who, back, [this, who, answer, said = std::move(said)]() mutable {
      answer(std::move(said));
      check_owners();
    });
  });
}

void world::act(const node_ptr& who, entity::join_call& join) {
  call<std::vector<std::string>>(
      who, [this, name = who->name](auto r) { store_->join(service, name, ttl, std::move(r)); },
      [this, who, id = join.id](auto said) {
        step(who, [&](auto& out) { who->keeper->joined(local(*who), id, std::move(said), out); });
      });
}

void world::act(const node_ptr& who, entity::leave_call&) {
  call<done>(
      who, [this, name = who->name](auto r) { store_->leave(service, name, std::move(r)); },
      [](auto) {});
}

void world::act(const node_ptr& who, entity::take_call& take) {
  using verdicts = std::vector<lease_verdict>;
  call<verdicts>(
      who,
      [this, name = who->name, shards = take.shards](auto r) {
        store_->take(service, name, shards, ttl,
                     reply<verdicts>([this, r = std::move(r)](result<verdicts> said) mutable {
                       if (said)
                         for (const auto& each : *said)
                           granted_[each.shard] = std::max(granted_[each.shard], each.epoch);
                       r(std::move(said));
                     }));
      },
      [this, who, id = take.id](auto said) {
        step(who, [&](auto& out) { who->keeper->taken(local(*who), id, std::move(said), out); });
      });
}

void world::act(const node_ptr& who, entity::keep_call& keep) {
  for (auto& hold : keep.holds) {
    const auto& at = who->shards[hold.shard];
    if (at.epoch == hold.epoch && happens(0.5)) hold.state = std::to_string(at.count);
  }
  call<std::vector<lease_kept>>(
      who,
      [this, name = who->name, holds = keep.holds](auto r) {
        store_->keep(service, name, holds, ttl, std::move(r));
      },
      [this, who, id = keep.id](auto said) {
        step(who, [&](auto& out) { who->keeper->kept(local(*who), id, said, out); });
      });
}

void world::act(const node_ptr& who, entity::give_call& give) {
  call<std::vector<shard_number>>(
      who,
      [this, name = who->name, holds = give.holds](auto r) {
        store_->give(service, name, holds, std::move(r));
      },
      [this, who, id = give.id](auto said) {
        step(who, [&](auto& out) { who->keeper->given(local(*who), id, said, out); });
      });
}

// What hosts do.

void world::act(const node_ptr& who, entity::shard_opened& what) {
  const auto shard = what.shard;
  const auto count = what.state.empty() ? 0 : std::stoull(what.state);
  ++(what.was_released ? tally_.opened_whole : tally_.opened_after_crash);
  auto& last = opened_[shard];
  if (what.epoch < last.epoch || (what.epoch == last.epoch && who->name != last.by))
    wrong(who->name + " opened behind " + last.by + ' ' + shown(shard, what.epoch));
  if (what.was_released && count != done_[shard])
    wrong(who->name + " opened " + shown(shard, what.epoch) + " with " + std::to_string(count) +
          " of " + std::to_string(done_[shard]));
  if (who->shards.contains(shard)) wrong(who->name + " opened twice " + shown(shard, what.epoch));
  last = {what.epoch, who->name};
  done_[shard] = count;
  who->shards[shard] = {what.epoch, count};
}

void world::act(const node_ptr& who, entity::shard_wanted& what) {
  on(who, now_ + between(0s, 200ms), [this, who, what] {
    const auto found = who->shards.find(what.shard);
    if (found == who->shards.end() || found->second.epoch != what.epoch) return;
    step(who, [&](auto& out) {
      who->keeper->give_up(local(*who), what.shard, what.epoch, std::to_string(found->second.count),
                           out);
    });
  });
}

void world::act(const node_ptr& who, entity::shard_closed& what) {
  using enum entity::close_reason;
  ++(what.why == given ? tally_.given : what.why == lost ? tally_.lost : tally_.ran_out);
  if (who->shards.erase(what.shard) == 0)
    wrong(who->name + " closed what it had not: " + shown(what.shard, what.epoch));
}

/// Looks whether a shard is its own, and writes a little later.
void world::work(const node_ptr& who) {
  for (int n = 0; n < 4; ++n) {
    const auto shard = static_cast<shard_number>(pick(limits::shards));
    const auto epoch = who->keeper->epoch_of(shard, local(*who));
    if (!epoch) continue;
    auto& at = who->shards.at(shard);
    if (at.epoch != *epoch) wrong(who->name + " has two epochs of " + shown(shard, *epoch));
    done_[shard] = ++at.count;
    const auto writes = [this, who, shard, epoch] { write(who->name, shard, *epoch); };
    on(who, now_ + between(0s, 50ms), writes);
  }
  on(who, now_ + between(10ms, 60ms), [this, who] { work(who); });
}

void world::write(const std::string& who, shard_number shard, std::uint64_t epoch) {
  const bool passed = store_->check({service, shard, epoch}).has_value();
  ++(passed ? tally_.writes : tally_.refused_writes);
  if (passed && epoch < granted_[shard]) wrong(who + " wrote with an old " + shown(shard, epoch));
}

// Faults.

void world::trouble() {
  if (!is_rough_) return;
  const auto which = static_cast<std::size_t>(pick(nodes_.size()));
  switch (pick(6)) {
    case 0:
    case 1:
    case 2:
      freeze(*nodes_[which]);
      break;
    case 3:
      kill(which);
      break;
    case 4:
      ++tally_.outages;
      store_back_ = now_ + between(100ms, 6s);
      break;
    default:
      if (std::exchange(nodes_[which]->is_draining, true)) break;
      ++tally_.drains;
      on(nodes_[which], now_, [this, who = nodes_[which]] {
        step(who, [&](auto& out) { who->keeper->drain(local(*who), out); });
      });
      // It ends when it is drained, or when its time is over.
      on(nodes_[which], now_ + between(500ms, 5s), [this, who = nodes_[which]] {
        kill(static_cast<std::size_t>(std::ranges::find(nodes_, who) - nodes_.begin()));
      });
  }
  at(now_ + between(200ms, 3s), [this] { trouble(); });
}

void world::freeze(node& who) {
  ++tally_.freezes;
  who.frozen_until = now_ + (happens(0.5) ? between(10ms, 1s) : between(2s, 9s));
}

/// Another node, with another name, comes in its place.
void world::kill(std::size_t which) {
  ++tally_.kills;
  nodes_[which] = make_node();
  start(nodes_[which]);
}

// What must hold.

void world::check_owners() {
  for (std::size_t shard = 0; shard < limits::shards; ++shard) {
    const node* owner = nullptr;
    for (const auto& each : nodes_) {
      if (!each->keeper->owns(static_cast<shard_number>(shard), local(*each))) continue;
      if (owner) wrong(owner->name + " and " + each->name + " own shard " + std::to_string(shard));
      owner = each.get();
    }
  }
}

/// Every shard is at the node where it should be, and all agree where that is.
void world::check_all_is_well() {
  for (const auto& each : nodes_) {
    if (each->is_draining) {
      if (!each->keeper->is_drained()) wrong(each->name + " is not drained");
      continue;
    }
    for (shard_number shard = 0; shard < limits::shards; ++shard) {
      const auto owner = each->keeper->owner_of(shard);
      const auto found = std::ranges::find(nodes_, owner, &node::name);
      if (found == nodes_.end() || (*found)->is_draining)
        wrong(each->name + " believes in " + std::string(owner));
      else if (!(*found)->keeper->owns(shard, local(**found)))
        wrong((*found)->name + " has not got shard " + std::to_string(shard));
    }
  }
}

void world::wrong(std::string what) {
  if (tally_.wrongs.size() < 10)
    tally_.wrongs.push_back("seed " + std::to_string(config_.seed) + " at " +
                            std::to_string((now_ - microseconds(1h)).count() / 1000) +
                            " ms: " + std::move(what));
}

} // namespace troupe::entity_sim
