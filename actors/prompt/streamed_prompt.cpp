#include "actors/prompt/streamed_prompt.hpp"

#include "messages/stream_id.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace troupe {
namespace {

constexpr std::ptrdiff_t unread_of_a_user = 16, ended_of_a_user = 64;
constexpr std::size_t ended_bytes = 64u << 20; ///< of all that have ended

std::string_view status_of(const outcome<chat_reply>& how) {
  if (how) return "completed";
  return how.error().code == errc::cancelled ? "cancelled" : "failed";
}

outcome<chat_reply> cancelled(std::string message) {
  return std::unexpected(make_error(errc::cancelled, std::move(message)));
}

} // namespace

void streamed_prompt::take_in(const job_ptr& job) {
  jobs_[job->op.cid] = job;
  readers_[job->op.cid] = job;
  ++d_.activity->running;
}

void streamed_prompt::name_stream(const job_ptr& job) {
  if (!job->request.resumable) return;
  job->said.name(make_stream_id(d_.node));
  streams_[job->said.id()] = job;
}

// What goes out.

void streamed_prompt::send(const job_ptr& job, chat_delta delta) {
  job->said.put(std::move(delta));
  flush(job);
}

void streamed_prompt::flush(const job_ptr& job) {
  auto& by = job->reader;
  while (by.a) {
    auto delta = job->said.next();
    if (!delta) break;
    self_->send(by.consumer, stream_item<chat_delta>{by.cid, ++by.seq, std::move(*delta)});
  }
  if (!job->said.id().empty()) count_kept(*job);
  if (job->upstream && job->unread > 0 && !job->said.is_ahead())
    job->upstream->grant(std::exchange(job->unread, 0));
  if (!by.a || !job->said.is_drained()) return;
  if (job->ending) return finish_well(job);
  if (job->how) leave(job, *job->how);
}

/// Of what its provider has begun to answer a refusal is none any more: it had an effect.
void streamed_prompt::end(const job_ptr& job, outcome<chat_reply> how) {
  if (!alive(job)) return;
  if (!how && job->is_answered && how.error().started == started_state::no)
    how.error().started = started_state::yes;
  if (job->ending) return finish_well(job);
  if (!how || !job->reader.a || job->said.is_drained()) return finish(job, std::move(how));
  job->ending = std::move(how);
}

void streamed_prompt::finish(const job_ptr& job, outcome<chat_reply> how) {
  if (jobs_.erase(job->op.cid) == 0) return;
  --d_.activity->running;
  close(job, how);
  if (job->reader.a) leave(job, how);
  if (job->said.id().empty()) return;
  job->how = std::move(how);
  job->is_purged ? forget_stream(*job) : keep(job);
}

/// As it was to end when all is read; what came in between changes nothing.
void streamed_prompt::finish_well(const job_ptr& job) {
  finish(job, std::move(*std::exchange(job->ending, std::nullopt)));
}

// Who reads it.

void streamed_prompt::on(stream_signal& s) {
  if (s.cancel && s.cid == call_id{}) return end_all();
  const auto at = readers_.find(s.cid);
  if (at == readers_.end()) return;
  const auto job = at->second;
  if (!s.cancel) {
    job->said.grant(s.frames, s.bytes);
    if (!job->request.resumable && job->upstream && s.frames > 0) job->upstream->grant(s.frames);
    return flush(job);
  }
  const bool is_late = op_context::clock::now() >= job->op.deadline;
  if (alive(job) && (job->said.id().empty() || is_late)) return end(job, cancelled("cancelled"));
  leave(job, cancelled("cancelled"));
  if (alive(job)) go_on_unread(job);
}

void streamed_prompt::end_all() {
  auto why = make_error(errc::draining, "the server is shutting down");
  const auto running = jobs_; // what ends leaves the map
  for (const auto& [cid, job] : running) {
    why.started = job->said.events() > 0 ? started_state::yes : started_state::unknown;
    end(job, std::unexpected(why));
  }
}

void streamed_prompt::leave(const job_ptr& job, outcome<chat_reply> how) {
  readers_.erase(job->reader.cid);
  auto by = std::exchange(job->reader, {});
  by.a(std::move(how));
}

void streamed_prompt::go_on_unread(const job_ptr& job) {
  if (job->ending || unread_of(job->op.who.user) > unread_of_a_user)
    return end(job, cancelled("nobody reads the stream"));
  later(limits::stream_unread, [this, kept = std::weak_ptr(job), left = ++job->readings] {
    const auto unread = kept.lock(); // when it ended, the timer keeps nothing of it
    if (unread && unread->readings == left) end(unread, cancelled("nobody read the stream"));
  });
}

/// Of another node's stream; unless this one was asked as the node that has it.
template <class Request>
bool streamed_prompt::is_handed_on(call<Request>& c, const std::string& stream,
                                   answer<reply_of<Request>>& a) {
  const auto node = node_of_stream(stream);
  if (!d_.leases || c.op.to != 0 || !node || *node == d_.node) return false;
  c.op.to = *node;
  a.delegate(d_.peers, std::move(c));
  return true;
}

job_ptr streamed_prompt::stream_of(const std::string& id, const op_context& asked) const {
  const auto at = streams_.find(id);
  return at == streams_.end() || at->second->op.who.user != asked.who.user ? nullptr : at->second;
}

void streamed_prompt::on(call<resume_chat_request>& c, answer<chat_reply> a) {
  if (is_handed_on(c, c.body.stream, a)) return;
  const auto job = stream_of(c.body.stream, c.op);
  if (!job || job->request.format != c.body.format)
    return a.fail(make_error(errc::not_found, "there is no such stream (any more)", "stream"));
  if (!job->said.holds(c.body.after))
    return a.fail(make_error(errc::not_found, "the stream does not keep what came after this event",
                             "after"));
  if (job->reader.a)
    leave(job, std::unexpected(make_error(errc::conflict, "the stream is read by another call")));
  job->said.read_from(c.body.after);
  read(job, {c.op.cid, c.consumer, std::move(a)});
}

void streamed_prompt::read(const job_ptr& job, chat_reader by) {
  ++job->readings;
  readers_[by.cid] = job;
  job->reader = std::move(by);
  flush(job);
}

void streamed_prompt::on(call<stop_chat_request>& c, answer<chat_stream_view> a) {
  if (is_handed_on(c, c.body.id, a)) return;
  const auto job = stream_of(c.body.id, c.op);
  if (!job) return a.fail(make_error(errc::not_found, "there is no such stream (any more)", "id"));
  end(job, cancelled("the stream was stopped"));
  a(chat_stream_view{
      .id = c.body.id, .status = std::string(status_of(*job->how)), .events = job->said.events()});
}

// What has ended.

/// What it said and how it ended; what came in is gone. A user's own oldest makes room first.
void streamed_prompt::keep(const job_ptr& job) {
  job->forget_question();
  ended_.push_back({job, op_context::clock::now() + limits::stream_kept_for});
  const auto is_users = [&](const ended& e) { return e.job->op.who.user == job->op.who.user; };
  if (std::ranges::count_if(ended_, is_users) > ended_of_a_user)
    forget(std::ranges::find_if(ended_, is_users));
  const auto bytes = [this] {
    return std::accumulate(ended_.begin(), ended_.end(), std::size_t{0},
                           [](auto sum, const ended& e) { return sum + e.job->said.kept_bytes(); });
  };
  while (ended_.size() > limits::streams_kept || bytes() > ended_bytes) forget(ended_.begin());
  later(limits::stream_kept_for, [this] {
    const auto now = op_context::clock::now();
    while (!ended_.empty() && ended_.front().until <= now) forget(ended_.begin());
  });
}

void streamed_prompt::forget(std::deque<ended>::iterator which) {
  forget_stream(*which->job);
  ended_.erase(which);
}

void streamed_prompt::forget_stream(chat_job& job) {
  streams_.erase(job.said.id());
  kept_bytes_ -= std::exchange(job.counted_bytes, 0);
  if (kept_bytes_ <= limits::streams_kept_bytes) shrink_above_ = limits::streams_kept_bytes;
}

void streamed_prompt::count_kept(chat_job& job) {
  if (!streams_.contains(job.said.id())) return;
  recount(job);
  if (kept_bytes_ > shrink_above_) shrink_all();
}

void streamed_prompt::recount(chat_job& job) {
  kept_bytes_ -= job.counted_bytes;
  job.counted_bytes = job.said.kept_bytes();
  kept_bytes_ += job.counted_bytes;
}

/// To half of their share, and not again before much has come, for it takes a look at all.
void streamed_prompt::shrink_all() {
  const auto share = limits::streams_kept_bytes / 2 / streams_.size();
  std::vector<job_ptr> behind;
  for (const auto& [id, job] : streams_) {
    job->said.shrink(share);
    recount(*job);
    if (job->counted_bytes > share && job->said.is_far_behind()) behind.push_back(job);
  }
  for (const auto& job : behind) drop_reader(job, share);
  shrink_above_ =
      std::max(limits::streams_kept_bytes, kept_bytes_ + limits::streams_kept_bytes / 8);
}

/// Of a stream of which one that came back has yet to read more than there is room for.
void streamed_prompt::drop_reader(const job_ptr& job, std::size_t share) {
  if (!streams_.contains(job->said.id())) return; // another one's end has taken it along
  job->said.let_go(share);
  recount(*job);
  if (!job->reader.a) return;
  leave(job, std::unexpected(make_error(errc::overloaded,
                                        "there is no room to keep what the reader has not read")));
  if (alive(job)) go_on_unread(job);
}

void streamed_prompt::forget_streams_of(const std::string& user) {
  std::erase_if(ended_, [&](const ended& e) {
    const bool is_theirs = e.job->op.who.user == user;
    if (is_theirs) forget_stream(*e.job);
    return is_theirs;
  });
}

std::ptrdiff_t streamed_prompt::unread_of(const std::string& user) const {
  return std::ranges::count_if(jobs_, [&](const auto& entry) {
    return !entry.second->reader.a && entry.second->op.who.user == user;
  });
}

} // namespace troupe
