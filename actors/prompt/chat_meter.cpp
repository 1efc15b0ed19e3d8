#include "actors/prompt/chat_meter.hpp"

#include "actors/ports/limit_rules.hpp"
#include "messages/base/ids.hpp"

#include <algorithm>

namespace troupe {
namespace {

bool has_kind(const std::vector<std::string>& kinds, std::string_view kind) {
  return std::ranges::find(kinds, kind) != kinds.end();
}

} // namespace

settle_request chat_meter::settled(const held& each, std::int64_t tokens, std::int64_t money) {
  settle_request out{each.asked.id, {}};
  for (const auto& kind : each.kinds)
    out.amounts.push_back(kind == "requests" ? each.asked.requests
                          : kind == "tokens" ? limit_rules::bounded_amount(tokens)
                          : kind == "money"  ? limit_rules::bounded_amount(money)
                                             : 0);
  return out;
}

reserve_request chat_meter::begin(plan what) {
  plan_ = std::move(what);
  // What cannot be cut is reserved whole.
  answer_tokens_ =
      plan_.is_streamed ? std::min(plan_.answer_tokens, plan_.step) : plan_.answer_tokens;
  reserve_request out{.id = make_uuid() + plan_.shards};
  out.tokens = plan_.prompt_tokens + answer_tokens_;
  out.streams = plan_.is_streamed ? 1 : 0;
  out.micro_usd = plan_.price.cost(plan_.prompt_tokens, answer_tokens_);
  return out;
}

std::optional<reserve_request> chat_meter::more(std::int64_t answer_tokens) {
  // Some way before the end, so that the answer is there when it comes.
  const auto ahead = plan_.step / 4;
  if (!counts_tokens_ || is_asking_ || answer_tokens + ahead < answer_tokens_) return std::nullopt;
  is_asking_ = true;
  reserve_request out{.id = make_uuid() + plan_.shards, .requests = 0};
  out.tokens = plan_.step;
  out.micro_usd = plan_.price.cost(0, plan_.step);
  return out;
}

reserve_request chat_meter::again() const {
  return {
      .id = make_uuid() + plan_.shards, .requests = 0, .tokens = 0, .streams = 1, .micro_usd = 0};
}

void chat_meter::took(const reserve_request& asked, const reserve_reply& said) {
  if (asked.requests == 0 && asked.tokens > 0) {
    answer_tokens_ += asked.tokens;
    is_asking_ = false;
  }
  counts_tokens_ =
      counts_tokens_ || has_kind(said.kinds, "tokens") || has_kind(said.kinds, "money");
  if (!said.kinds.empty()) held_.push_back({asked, said.kinds, has_kind(said.kinds, "streams")});
}

/// A later piece holds what is past the earlier ones; what nobody reserved is the first one's.
std::vector<settle_request> chat_meter::settle(const token_usage& used) const {
  std::vector<settle_request> out;
  if (held_.empty()) return out;
  const auto tokens = used.prompt_tokens + used.completion_tokens;
  const auto money = plan_.price.cost(used.prompt_tokens, used.completion_tokens);
  auto first_tokens = tokens, first_money = money;
  std::int64_t tokens_before = 0, money_before = 0;
  for (const auto& each : held_) {
    const auto& asked = each.asked;
    if (&each != &held_.front()) {
      const auto own_tokens = std::clamp<std::int64_t>(tokens - tokens_before, 0, asked.tokens);
      const auto own_money = std::clamp<std::int64_t>(money - money_before, 0, asked.micro_usd);
      first_tokens -= own_tokens;
      first_money -= own_money;
      out.push_back(settled(each, own_tokens, own_money));
    }
    tokens_before += asked.tokens;
    money_before += asked.micro_usd;
  }
  out.push_back(settled(held_.front(), first_tokens, first_money));
  return out;
}

std::vector<std::string> chat_meter::leases() const {
  std::vector<std::string> out;
  for (const auto& each : held_)
    if (each.holds_stream) out.push_back(each.asked.id);
  return out;
}

void chat_meter::lost(const std::string& lease) {
  for (auto& each : held_)
    if (each.asked.id == lease) each.holds_stream = false;
}

} // namespace troupe
