#include "actors/auth/limit_shards.hpp"

#include "actors/auth/limit_state.hpp"
#include "actors/ports/gathering.hpp"
#include "actors/ports/limit_rules.hpp"
#include "messages/base/log.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/limit_ids.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace troupe {
namespace {

constexpr std::size_t waiting_max = 10'000;
/// What was counted is kept for so long without a lease: the store may be away, and nobody counts.
constexpr std::chrono::minutes closed_kept{10};

error not_owner() {
  auto why = make_error(errc::unavailable, "another node counts this limit");
  why.reason = "not_owner";
  return not_begun(std::move(why));
}

/// The owner may be another one in a moment, and all of these questions may be asked twice.
bool may_ask_again(const error& why) {
  return is_retriable(why.code) || why.code == errc::not_found || why.code == errc::worker_lost;
}

shard_want to_wire(const limit_want& in, bool is_here) {
  return {is_here ? in.scope : std::string(), static_cast<std::uint32_t>(in.kind), in.most,
          in.window.count(), in.amount};
}

limit_want from_wire(const shard_want& in) {
  return {in.scope, static_cast<limit_kind>(std::min(in.kind, 3u)), in.most,
          std::chrono::milliseconds(in.window_ms), in.amount};
}

shard_verdict to_wire(const limit_verdict& in) {
  shard_verdict out;
  out.granted = in.granted;
  out.refused_by = static_cast<std::uint32_t>(in.refused_by);
  out.retry_after_ms = in.retry_after.count();
  for (const auto& each : in.states) {
    out.remaining.push_back(each.remaining);
    out.reset_ms.push_back(each.reset.count());
  }
  return out;
}

} // namespace

/// A reservation on its way from shard to shard.
struct limit_shards::round {
  std::string id;
  std::vector<limit_want> wants;
  std::vector<shard_number> shard_of_want;
  std::vector<shard_number> shards; ///< of them, ascending, so that all rounds go the same way
  std::size_t next = 0;             ///< the shard to ask; those before have granted
  std::chrono::milliseconds until;
  limit_verdict verdict;
  reply<limit_verdict> answer;
};

limit_shards::limit_shards(std::uint64_t self, clock now) : self_(self), now_(std::move(now)) {}

void limit_shards::connect(std::shared_ptr<const shard_owners> owners, limit_peers peers) {
  const std::lock_guard lock(mutex_);
  owners_ = std::move(owners);
  peers_ = std::move(peers);
}

// as a store

void limit_shards::reserve(std::string id, std::vector<limit_want> wants,
                           reply<limit_verdict> answer) {
  if (auto ok = limit_rules::check_reserve(id, wants); !ok)
    return answer.fail(std::move(ok.error()));
  const auto r = std::make_shared<round>();
  for (const auto& want : wants) r->shard_of_want.push_back(shard_of(want.scope));
  const std::set<shard_number> all(r->shard_of_want.begin(), r->shard_of_want.end());
  const auto named = shards_of_id(id);
  if (!named.empty() && !std::ranges::includes(named, all))
    return answer.fail(make_error(errc::invalid_argument, "the id names other shards", "id"));
  r->id = std::move(id);
  r->verdict.states.resize(wants.size());
  r->wants = std::move(wants);
  r->shards.assign(all.begin(), all.end());
  r->until = now_() + limits::shard_patience;
  r->answer = std::move(answer);
  step(r);
}

/// Asks the next shard, or answers when all have granted.
void limit_shards::step(const round_ptr& r) {
  if (r->next == r->shards.size()) {
    r->verdict.granted = true;
    return r->answer(std::move(r->verdict));
  }
  shard_reserve_request part{r->shards[r->next], r->id, {}};
  for (std::size_t n = 0; n < r->wants.size(); ++n)
    part.wants.push_back(to_wire(r->wants[n], r->shard_of_want[n] == part.shard));
  ask_owner(std::move(part), r->until,
            reply<shard_verdict>([me = shared_from_this(), r](result<shard_verdict> said) {
              if (said) return me->take_part(r, *said);
              me->give_back(r);
              r->answer.fail(std::move(said.error()));
            }));
}

void limit_shards::take_part(const round_ptr& r, const shard_verdict& part) {
  const auto shard = r->shards[r->next];
  for (std::size_t n = 0; n < r->wants.size(); ++n)
    if (r->shard_of_want[n] == shard && n < part.remaining.size() && n < part.reset_ms.size())
      r->verdict.states[n] = {part.remaining[n], std::chrono::milliseconds(part.reset_ms[n])};
  if (part.granted) {
    ++r->next;
    return step(r);
  }
  give_back(r);
  r->verdict.refused_by = std::min<std::size_t>(part.refused_by, r->wants.size() - 1);
  r->verdict.retry_after = std::chrono::milliseconds(part.retry_after_ms);
  r->answer(std::move(r->verdict));
}

/// What the shards have granted, or may have. What cannot be given back counts until it leaves its
/// window.
void limit_shards::give_back(const round_ptr& r) {
  for (std::size_t n = 0; n <= r->next && n < r->shards.size(); ++n)
    ask_owner(shard_settle_request{r->shards[n], r->id, {}}, r->until,
              reply<done>([](const result<done>&) {}));
}

void limit_shards::settle(std::string id, std::vector<std::int64_t> amounts, reply<done> answer) {
  if (auto ok = limit_rules::check_settle(id, amounts); !ok)
    return answer.fail(std::move(ok.error()));
  const auto named = shards_of_id(id);
  if (named.empty()) return answer(done{});
  const auto all = std::make_shared<gathering<done>>(named.size(), done{}, std::move(answer));
  const auto until = now_() + limits::shard_patience;
  for (const auto shard : named)
    ask_owner(shard_settle_request{shard, id, amounts}, until, reply<done>([all](result<done> one) {
                all->take(std::move(one), [](done&, const done&) {});
              }));
}

/// Of ids that several shards were asked for, those that none holds are lost.
void limit_shards::renew(std::vector<std::string> ids, reply<std::vector<std::string>> answer) {
  if (auto ok = limit_rules::check_renew(ids); !ok) return answer.fail(std::move(ok.error()));
  using names = std::vector<std::string>;
  std::unordered_map<shard_number, names> by_shard;
  for (const auto& id : ids)
    for (const auto shard : shards_of_id(id)) by_shard[shard].push_back(id);
  if (by_shard.empty()) return answer(std::move(ids));
  const auto all =
      std::make_shared<gathering<names>>(by_shard.size(), std::move(ids), std::move(answer));
  const auto until = now_() + limits::shard_patience;
  for (auto& [shard, asked] : by_shard)
    ask_owner(shard_renew_request{shard, asked}, until,
              reply<renew_reply>([all, asked](result<renew_reply> one) {
                all->take(std::move(one), [&asked](names& lost, const renew_reply& said) {
                  std::set<std::string> held(asked.begin(), asked.end());
                  for (const auto& id : said.lost) held.erase(id);
                  std::erase_if(lost, [&held](const auto& id) { return held.contains(id); });
                });
              }));
}

// the way to an owner

template <class Request, class Reply>
void limit_shards::ask_owner(Request in, std::chrono::milliseconds until, reply<Reply> answer) {
  if (auto here = serve(in)) return answer(std::move(*here));
  std::unique_lock lock(mutex_);
  const auto owner = owners_ ? owners_->owner_of(static_cast<shard_number>(in.shard)) : 0;
  lock.unlock();
  if (owner != 0 && owner != self_) return ask_peer(owner, std::move(in), until, std::move(answer));
  wait_for_owner(std::move(in), until, std::move(answer));
}

template <class Request, class Reply>
void limit_shards::ask_peer(std::uint64_t node, Request in, std::chrono::milliseconds until,
                            reply<Reply> answer) {
  auto then = [me = shared_from_this(), in, until,
               answer = std::move(answer)](result<Reply> said) mutable {
    if (said || !may_ask_again(said.error())) return answer(std::move(said));
    me->wait_for_owner(std::move(in), until, std::move(answer));
  };
  reply<Reply> back(std::move(then));
  if constexpr (std::is_same_v<Request, shard_reserve_request>)
    peers_.reserve(node, std::move(in), std::move(back));
  else if constexpr (std::is_same_v<Request, shard_settle_request>)
    peers_.settle(node, std::move(in), std::move(back));
  else
    peers_.renew(node, std::move(in), std::move(back));
}

template <class Request, class Reply>
void limit_shards::wait_for_owner(Request in, std::chrono::milliseconds until,
                                  reply<Reply> answer) {
  const auto duty = std::make_shared<reply<Reply>>(std::move(answer));
  auto again = [this, in = std::move(in), until, duty](bool is_over) {
    if (is_over) return duty->fail(not_owner());
    ask_owner(in, until, std::move(*duty));
  };
  std::unique_lock lock(mutex_);
  const bool has_room = waiting_.size() < waiting_max;
  if (has_room) waiting_.push_back({until, std::move(again)});
  lock.unlock();
  if (!has_room) duty->fail(make_error(errc::overloaded, "too many wait for a limit's owner"));
}

void limit_shards::tick() {
  std::unique_lock lock(mutex_);
  auto all = std::exchange(waiting_, {});
  for (auto& each : books_)
    if (each.closed.count() != 0 && now_() - each.closed > closed_kept) each = {};
  lock.unlock();
  for (const auto& each : all) each.again(now_() >= each.until);
}

// as an owner

/// Nothing when this node is not the owner. Looks twice: one that is frozen in between has counted
/// for nobody.
template <class Request>
auto limit_shards::serve(const Request& in) {
  const std::lock_guard lock(mutex_);
  using answered = decltype(count(books_.front(), in));
  const auto shard = static_cast<shard_number>(in.shard);
  const auto owns = [&] {
    return in.shard < limits::shards && owners_ && owners_->epoch_of(shard) != 0;
  };
  if (!owns()) return std::optional<answered>();
  auto out = std::optional<answered>(count(books_[shard], in));
  if (!owns()) out.reset();
  return out;
}

result<shard_verdict> limit_shards::count(shard_book& at, const shard_reserve_request& in) {
  std::vector<limit_want> wants;
  for (const auto& each : in.wants) wants.push_back(from_wire(each));
  for (const auto& each : wants)
    if (!limit_rules::limit_book::is_foreign(each))
      if (auto ok = limit_rules::check_want(each); !ok) return std::unexpected(ok.error());
  if (wants.size() > limits::limit_wants)
    return fail(errc::invalid_argument, "a reservation has 1 to 16 wants", "wants");
  const auto now = now_().count();
  if (at.book.find(in.id, now) == nullptr && !has_room(at, wants.size()))
    return fail(errc::overloaded, "too many limits are counted in memory");
  ++at.changes;
  return to_wire(at.book.reserve(in.id, wants, now));
}

/// In all shards of this node together; looks for what counts no more before it says no.
bool limit_shards::has_room(shard_book& at, std::size_t wants) {
  const auto is_full = [&] {
    std::size_t counters = wants, records = 1;
    for (const auto& each : books_) {
      counters += each.book.counters.size();
      records += each.book.records.size();
    }
    return counters > limits::limit_scopes || records > limits::limit_records;
  };
  if (!is_full()) return true;
  for (auto& each : books_)
    if (each.closed.count() != 0) each = {}; // another node counts those by now, most likely
  if (!is_full()) return true;
  if (now_() - at.swept < limits::shard_tick) return false;
  at.swept = now_();
  limit_rules::forget_old(at.book, now_().count());
  return !is_full();
}

result<done> limit_shards::count(shard_book& at, const shard_settle_request& in) {
  ++at.changes;
  if (in.amounts.empty())
    at.book.take_back(in.id, now_().count());
  else
    at.book.settle(in.id, in.amounts, now_().count());
  return done{};
}

result<renew_reply> limit_shards::count(shard_book& at, const shard_renew_request& in) {
  ++at.changes;
  renew_reply out;
  for (const auto& id : in.ids)
    if (!at.book.renew(id, now_().count())) out.lost.push_back(id);
  return out;
}

/// For another node, which looks for the owner itself when this one is not.
template <class Request, class Reply>
void limit_shards::answer_part(Request in, reply<Reply> answer) {
  if (in.shard >= limits::shards)
    return answer.fail(make_error(errc::invalid_argument, "there is no such shard", "shard"));
  if (auto here = serve(in)) return answer(std::move(*here));
  answer.fail(not_owner());
}

void limit_shards::reserve_part(shard_reserve_request in, reply<shard_verdict> answer) {
  answer_part(std::move(in), std::move(answer));
}
void limit_shards::settle_part(shard_settle_request in, reply<done> answer) {
  answer_part(std::move(in), std::move(answer));
}
void limit_shards::renew_part(shard_renew_request in, reply<renew_reply> answer) {
  answer_part(std::move(in), std::move(answer));
}

// with a lease

void limit_shards::open(shard_number shard, std::uint64_t epoch, const std::string& state,
                        std::chrono::milliseconds saved_ago) {
  shard_book fresh;
  if (!state.empty()) {
    if (const auto read = msgpack_codec::decode<limit_shard_state>(state))
      fresh.book = limit_rules::book_of(*read, now_().count(), saved_ago.count());
    else
      log::warn("limits.state_unread", {{"why", read.error().message}});
  }
  const std::lock_guard lock(mutex_);
  auto& at = books_[shard];
  // Nobody counted in between: its lease is the next one, or the same again.
  const bool is_continued = at.epoch != 0 && (at.epoch == epoch || at.epoch + 1 == epoch);
  if (!is_continued) at = std::move(fresh);
  at.epoch = epoch;
  at.closed = {};
}

/// The counts are kept for a moment: the shard may come back.
void limit_shards::close(shard_number shard, std::uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  auto& at = books_[shard];
  at.epoch = epoch;
  at.closed = now_();
  at.saved = 0; // the next state is whole, whatever was on its way
  ++at.changes;
}

std::optional<std::string> limit_shards::save(shard_number shard) {
  const std::lock_guard lock(mutex_);
  auto& at = books_[shard];
  if (at.saved == at.changes) return std::nullopt;
  limit_rules::forget_old(at.book, now_().count());
  auto state = limit_rules::state_of(at.book, now_().count());
  auto out = msgpack_codec::encode(state);
  for (int step = 0; out.size() > limits::lease_state_bytes && step < limit_rules::shortenings;
       ++step) {
    limit_rules::shorten(state, step);
    out = msgpack_codec::encode(state);
  }
  if (out.size() > limits::lease_state_bytes) {
    log::warn("limits.state_too_large", {{"bytes", std::to_string(out.size())}});
    return std::nullopt;
  }
  at.asked = at.changes;
  return out;
}

void limit_shards::saved(shard_number shard) {
  const std::lock_guard lock(mutex_);
  books_[shard].saved = books_[shard].asked;
}

} // namespace troupe
