#include "actors/prompt/metered_prompt.hpp"

#include "actors/prompt/builtin_models.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/log.hpp"
#include "messages/codec/json.hpp"
#include "messages/limit_ids.hpp"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

constexpr auto ask_again_after = std::chrono::seconds(1);

/// What of a prompt is known before its passages are; the settlement makes up for the rest.
std::int64_t prompt_tokens(const chat_request& in) {
  return chat_json::estimate_tokens(in.turn ? in.turn->message : in.body.raw);
}

/// What the client lets the model say in all its choices; nothing when it does not say.
std::optional<std::int64_t> answer_most(const chat_request& in) {
  double most = 0;
  for (const auto* field : {"max_completion_tokens", "max_tokens"})
    most = std::max(most, chat_json::number_field(in.body, field).value_or(0));
  if (most <= 0) return std::nullopt;
  most *= std::max(1.0, chat_json::number_field(in.body, "n").value_or(1));
  constexpr auto end = static_cast<double>(limits::limit_amount_max / 4); // room for a prompt
  return static_cast<std::int64_t>(std::min(most, end));
}

/// The smallest cap on tokens; nothing when there is none.
std::optional<std::int64_t> tokens_a_minute(const caller& who) {
  std::optional<std::int64_t> least;
  for (const auto& cap : who.caps)
    if (cap.tokens_per_minute > 0)
      least = std::min(least.value_or(cap.tokens_per_minute), cap.tokens_per_minute);
  return least;
}

/// Without a word of the client a usual answer is reserved, or what a smaller cap has in all.
std::int64_t usual_answer(const caller& who, std::int64_t prompt) {
  const auto cap = tokens_a_minute(who);
  const auto tokens =
      std::min(limits::plain_answer_tokens, cap ? *cap - prompt : limits::plain_answer_tokens);
  return std::max<std::int64_t>(tokens, 1);
}

/// A piece is a small part of what the caller has in a minute, so that small caps let streams
/// begin.
std::int64_t step_for(const caller& who) {
  constexpr std::int64_t pieces = 16;
  const auto cap = tokens_a_minute(who);
  return std::min(limits::stream_tokens_step, cap ? 1 + *cap / pieces : limits::stream_tokens_step);
}

} // namespace

result<model_price> metered_prompt::price_for(const caller& who, const std::string& model) const {
  const auto price = price_of(d_.prices, model);
  const bool has_budget =
      std::ranges::any_of(who.caps, [](const auto& cap) { return cap.micro_usd_per_day > 0; });
  if (price || !has_budget) return price.value_or(model_price{});
  auto why = make_error(errc::forbidden, "the model '" + model +
                                             "' has no price here (chat.prices), so a budget of "
                                             "money cannot be kept with it");
  why.reason = "model_without_price";
  return std::unexpected(std::move(why));
}

void metered_prompt::reserve(const op_context& op, const reserve_request& what,
                             std::move_only_function<void(outcome<reserve_reply>)> then) {
  call<reserve_request> question{op, what, {}};
  question.op.cid = make_call_id();
  question.body.caps = op.who.caps;
  question.body.address = op.client_address;
  ask(d_.limiter, std::move(question), std::move(then));
}

void metered_prompt::admit(const job_ptr& job, after then) {
  const auto& who = job->op.who;
  auto price = job->model == extract_model ? model_price{} : price_for(who, job->model);
  if (!price) return then(std::unexpected(std::move(price.error())));
  const auto prompt = prompt_tokens(job->request);
  const auto answer = answer_most(job->request).value_or(usual_answer(who, prompt));
  const auto first = job->meter.begin({prompt, answer, *price, job->request.stream, step_for(who),
                                       reservation_shards(who.caps, job->op.client_address)});
  reserve(job->op, first,
          [this, job, first, then = std::move(then)](outcome<reserve_reply> said) mutable {
            if (said && !said->refused) job->meter.took(first, *said);
            if (!alive(job)) return settle_as(job->meter, {}); // its client left meanwhile
            if (!said) return then(std::unexpected(std::move(said.error())));
            if (!said->limits.empty())
              send(job, {std::string(rate_limits_event),
                         {json::encode(rate_limit_list{std::move(said->limits)})}});
            if (said->refused) return then(std::unexpected(std::move(*said->refused)));
            renew_leases();
            then({});
          });
}

bool metered_prompt::may_go_on(const job_ptr& job) {
  if (!job->op.who.is_limited) return true;
  const auto said = job->answer_tokens();
  if (job->refusal && said > job->meter.reserved()) {
    end(job, std::unexpected(std::move(*job->refusal)));
    return false;
  }
  const auto next = job->meter.more(said);
  if (!next) return true;
  reserve_for(job, *next, [this, job](outcome<reserve_reply> said_no) {
    if (said_no) {
      job->refusal = std::move(said_no->refused); // it says what is reserved, and no more
      return;
    }
    // Nobody to ask: what runs goes on, and is counted when it ends.
    later(ask_again_after, [job] { job->meter.unanswered(); });
  });
  return true;
}

/// `otherwise` gets what is not a yes, while the chat runs.
void metered_prompt::reserve_for(const job_ptr& job, const reserve_request& what,
                                 std::function<void(outcome<reserve_reply>)> otherwise) {
  reserve(job->op, what,
          [this, job, what, otherwise = std::move(otherwise)](outcome<reserve_reply> said) {
            const bool is_granted = said && !said->refused;
            if (alive(job))
              return is_granted ? job->meter.took(what, *said) : otherwise(std::move(said));
            if (is_granted && !said->kinds.empty())
              send_settlement({what.id, std::vector<std::int64_t>(said->kinds.size(), 0)});
          });
}

/// What a provider was asked for and nobody waited for may have cost anything: of a stream what was
/// heard of it counts, of a plain chat what was reserved. What a provider refused cost nothing.
void metered_prompt::settle(const chat_job& job, const outcome<chat_reply>& how) {
  if (!job.op.who.is_limited) return;
  constexpr std::array left{errc::cancelled, errc::deadline_exceeded, errc::draining};
  const bool is_left = !how && std::ranges::find(left, how.error().code) != left.end();
  const bool is_heard = job.reported || job.answer_tokens() > 0;
  if (is_left && job.is_called && !job.request.stream && !is_heard) return;
  const bool is_used = job.is_admitted && (how || is_heard || (is_left && job.is_called));
  settle_as(job.meter, is_used ? job.usage() : token_usage{});
}

void metered_prompt::settle_as(const chat_meter& meter, const token_usage& used) {
  for (auto& each : meter.settle(used)) send_settlement(std::move(each));
}

/// What cannot be settled counts as it was reserved.
void metered_prompt::send_settlement(settle_request what) {
  ask_itself(d_.limiter, std::move(what), [](const outcome<done>& settled) {
    if (!settled) log::warn("prompt.unsettled", {{"why", settled.error().message}});
  });
}

void metered_prompt::admit_tokens(const op_context& op, std::int64_t tokens,
                                  const std::string& model,
                                  std::move_only_function<void(result<admission>)> then) {
  auto price = model == local_model ? model_price{} : price_for(op.who, model);
  if (!price) return then(std::unexpected(std::move(price.error())));
  auto meter = std::make_shared<chat_meter>();
  const auto first = meter->begin({tokens, 0, *price, false, limits::stream_tokens_step,
                                   reservation_shards(op.who.caps, op.client_address)});
  reserve(
      op, first, [this, meter, first, then = std::move(then)](outcome<reserve_reply> said) mutable {
        if (!said) return then(std::unexpected(std::move(said.error())));
        if (said->refused) return then(std::unexpected(std::move(*said->refused)));
        meter->took(first, *said);
        then(admission{std::move(said->limits),
                       [this, meter](std::int64_t used) { settle_as(*meter, {used, 0, used}); }});
      });
}

/// Chats are bounded to what one renewal may carry (limits::upstream_calls).
std::vector<std::string> metered_prompt::leases() const {
  std::vector<std::string> out;
  for (const auto& [cid, job] : jobs_)
    for (auto& lease : job->meter.leases()) out.push_back(std::move(lease));
  if (out.size() > limits::limit_renew_ids) out.resize(limits::limit_renew_ids);
  return out;
}

/// As long as any chat holds a stream of a cap.
void metered_prompt::renew_leases() {
  if (is_renewing_ || leases().empty()) return;
  is_renewing_ = true;
  later(limits::stream_renew_every, [this] {
    is_renewing_ = false;
    renew_request due{leases()};
    if (due.ids.empty()) return;
    ask_itself(
        d_.limiter, std::move(due),
        [this](const outcome<renew_reply>& said) {
          if (said) return take_lost(said->lost);
          log::warn("prompt.leases_unrenewed", {{"why", said.error().message}});
        },
        limits::stream_renew_every);
    renew_leases();
  });
}

/// The store forgot them (it was away for longer than a lease): they are counted anew.
void metered_prompt::take_lost(const std::vector<std::string>& lost) {
  if (lost.empty()) return;
  auto running = jobs_; // a chat that is cut leaves the map
  for (const auto& [cid, job] : running)
    for (const auto& lease : job->meter.leases())
      if (std::ranges::find(lost, lease) != lost.end()) {
        job->meter.lost(lease);
        reserve_for(job, job->meter.again(), [this, job](outcome<reserve_reply> said) {
          if (!said || job->is_said) return;
          auto why = std::move(*said->refused);
          if (job->is_called) why.started = started_state::yes;
          end(job, std::unexpected(std::move(why)));
        });
      }
}

} // namespace troupe
