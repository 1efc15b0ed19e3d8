#include "actors/prompt/conversation_prompt.hpp"

#include "actors/ports/lease_rules.hpp"

#include <utility>

namespace troupe {
namespace {

error no_node() {
  auto why = not_begun(make_error(errc::unavailable, "no node has the conversation at the moment"));
  why.retry_after_ms = 1000;
  return why;
}

} // namespace

void conversation_prompt::start() {
  if (d_.leases) look_after_leases();
}

void conversation_prompt::look_after_leases() {
  d_.leases->tick();
  later(limits::shard_tick, [this] { look_after_leases(); });
}

void conversation_prompt::on(stream_signal& s) {
  if (waiting_.heed(s)) return;
  if (d_.leases && s.cid.incarnation == own_incarnation() && !readers_know(s.cid)) {
    self_->send(d_.peers, s); // of a call that began here and was handed on
  } else {
    streamed_prompt::on(s);
  }
}

// Where a turn is answered.

void conversation_prompt::answer_at_its_node(call<chat_request>& c, answer<chat_reply> a,
                                             bool was_handed_on) {
  const auto shard = shard_of(*c.body.turn->conversation_id);
  waiting_.add(c.op.cid);
  find_owner(shard, was_handed_on && !d_.leases->is_leaving(),
             op_context::clock::now() + limits::shard_patience,
             [this, shard, c = std::move(c), a = std::move(a)](std::uint64_t owner) mutable {
               if (waiting_.take_cancelled(c.op.cid)) return a.fail(waiting_calls::cancelled());
               auto place = d_.leases->fence_of(shard);
               if (place) return answer_here(c, std::move(a), std::move(place));
               if (owner == 0 || owner == d_.node) return a.fail(no_node());
               c.op.to = owner;
               a.delegate(d_.peers, std::move(c));
             });
}

/// `then` gets the node that has the shard: this one only when it does by now, another one when
/// it should, unless only this one will do. 0: none was found in time.
void conversation_prompt::find_owner(shard_number shard, bool only_here, time_point until,
                                     std::move_only_function<void(std::uint64_t)> then) {
  if (d_.leases->epoch_of(shard) != 0) return then(d_.node);
  const auto owner = d_.leases->owner_of(shard);
  if (!only_here && owner != 0 && owner != d_.node) return then(owner);
  if (op_context::clock::now() >= until) return then(0);
  later(limits::shard_tick, [this, shard, only_here, until, then = std::move(then)]() mutable {
    find_owner(shard, only_here, until, std::move(then));
  });
}

void conversation_prompt::found_conversation(const job_ptr& job,
                                             std::move_only_function<void()> then) {
  found_until(job, op_context::clock::now() + limits::shard_patience, std::move(then));
}

void conversation_prompt::found_until(const job_ptr& job, time_point until,
                                      std::move_only_function<void()> then) {
  if (!alive(job)) return;
  if (!name_conversation(*job)) {
    if (op_context::clock::now() >= until) return end(job, std::unexpected(no_node()));
    return later(limits::shard_tick, [this, job, until, then = std::move(then)]() mutable {
      found_until(job, until, std::move(then));
    });
  }
  d_.conversations->create(
      job->op.who.user, job->conversation_id,
      to_self<done>([this, job, then = std::move(then)](result<done> r) mutable {
        if (!r) return end(job, std::unexpected(std::move(r.error())));
        then();
      }));
}

/// False: no shard is this node's at the moment.
bool conversation_prompt::name_conversation(chat_job& job) const {
  constexpr int tries = 4096; // the least share of 64 nodes is a shard or two of 128
  if (d_.leases && !d_.leases->has_shards()) return false;
  for (int n = 0; n < tries; ++n) {
    job.conversation_id = make_id("conv_");
    if (!d_.leases) return true;
    job.place = d_.leases->fence_of(shard_of(job.conversation_id));
    if (job.place) return true;
  }
  return false;
}

// Where it is kept.

void conversation_prompt::on(call<keep_turn_request>& c, answer<done> a) {
  if (!d_.leases) return a.fail(no_node());
  const auto shard = shard_of(c.body.conversation_id);
  const auto patience = d_.leases->is_leaving() ? std::chrono::seconds(0) : limits::shard_patience;
  find_owner(shard, true, op_context::clock::now() + patience,
             [this, turn = std::move(c.body), a = std::move(a)](std::uint64_t) mutable {
               keep_mine(turn, pass_on(std::move(a)));
             });
}

void conversation_prompt::keep_turn(const job_ptr& job, turn_kept then) {
  if (job->is_purged) return then(done{});
  job->is_kept = true;
  keep_turn_request turn{job->op.who.user, job->conversation_id, job->question, job->text};
  if (!job->place) return append(turn, std::nullopt, to_self<done>(std::move(then)));
  // Lost for a moment, while the store was slow: nobody had it in between.
  const auto now = d_.leases->fence_of(job->place->shard);
  if (now && now->epoch == job->place->epoch + 1) job->place = now;
  keep_at(std::move(turn), *job->place, op_context::clock::now() + limits::shard_patience,
          std::move(then));
}

/// The conversation may have been given up while the chat ran. As long as nobody has it (the
/// others may be leaving, too) its turn is kept from here, and then by the node that has it now.
void conversation_prompt::keep_at(keep_turn_request turn, lease_fence place, time_point until,
                                  turn_kept then) {
  using enum lease_fence::also;
  place.passes = d_.leases->gave(place) ? while_free : until_taken;
  append(turn, place,
         to_self<done>([this, turn, place, until, then = std::move(then)](result<done> r) mutable {
           if (r || !lease_rules::is_not_owner(r.error()) || !d_.leases->gave(place))
             return then(std::move(r));
           keep_elsewhere(turn, place, until, std::move(then));
         }));
}

/// Who has the conversation may be giving it up, too, and take no turn any more: then all over.
void conversation_prompt::keep_elsewhere(keep_turn_request turn, lease_fence place,
                                         time_point until, turn_kept then) {
  keep_at_owner(
      turn, until, [this, turn, place, until, then = std::move(then)](result<done> r) mutable {
        const bool may = !r && r.error().started == started_state::no;
        if (!may || op_context::clock::now() >= until) return then(std::move(r));
        later(limits::shard_tick,
              [this, turn = std::move(turn), place, until, then = std::move(then)]() mutable {
                keep_at(std::move(turn), place, until, std::move(then));
              });
      });
}

void conversation_prompt::keep_at_owner(keep_turn_request turn, time_point until, turn_kept then) {
  const auto shard = shard_of(turn.conversation_id);
  find_owner(shard, false, until,
             [this, turn = std::move(turn), then = std::move(then)](std::uint64_t owner) mutable {
               if (owner == 0) return then(std::unexpected(no_node()));
               if (owner == d_.node) return keep_mine(turn, to_self<done>(std::move(then)));
               call<keep_turn_request> question{{}, std::move(turn), {}};
               question.op.cid = make_call_id();
               question.op.to = owner;
               question.op.deadline = op_context::clock::now() + limits::request_timeout;
               ask(d_.peers, std::move(question), std::move(then));
             });
}

void conversation_prompt::keep_mine(const keep_turn_request& turn, reply<done> then) {
  const auto fence = d_.leases->fence_of(shard_of(turn.conversation_id));
  if (!fence) return then.fail(no_node());
  append(turn, fence, std::move(then));
}

void conversation_prompt::append(const keep_turn_request& turn,
                                 const std::optional<lease_fence>& fence, reply<done> then) {
  d_.conversations->append(turn.user, turn.conversation_id,
                           {{"user", turn.question}, {"assistant", turn.text}}, fence,
                           std::move(then));
}

} // namespace troupe
