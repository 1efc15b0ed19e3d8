#pragma once

#include "actors/prompt/chat_job.hpp"
#include "actors/prompt/prompt_actor.hpp"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Inside actors/prompt only: the part of the service that keeps its callers' limits.
class metered_prompt : public service_base<prompt_service> {
protected:
  using after = std::move_only_function<void(result<void>)>;

  metered_prompt(pointer self, slot_registry& slots, prompt_deps deps)
      : service_base(self, slots), d_(std::move(deps)) {}

  /// Reserves what a limited chat begins with; `then` gets the refusal. The limits are told to the
  /// client in both cases.
  void admit(const job_ptr& job, after then);
  /// The model said more: reserves more. False: it was past what its limits gave it, and has ended.
  [[nodiscard]] bool may_go_on(const job_ptr& job);
  /// The chat is over: gives back what it did not use.
  void settle(const chat_job& job, const outcome<chat_reply>& how);

  /// Reserves for a request that is not a chat: `then` gets the caller's limits, and what to call
  /// with the tokens that were really used.
  using settler = std::move_only_function<void(std::int64_t tokens)>;
  struct admission {
    std::vector<rate_limit> limits;
    settler settle;
  };
  void admit_tokens(const op_context& op, std::int64_t tokens, const std::string& model,
                    std::move_only_function<void(result<admission>)> then);

  [[nodiscard]] bool alive(const job_ptr& job) const { return jobs_.contains(job->op.cid); }
  virtual void end(const job_ptr& job, outcome<chat_reply> how) = 0;
  virtual void send(const job_ptr& job, chat_delta delta) = 0;

  prompt_deps d_;
  std::unordered_map<call_id, job_ptr> jobs_;

private:
  /// The price, where the caller has a budget of money: without one it cannot be kept.
  [[nodiscard]] result<model_price> price_for(const caller& who, const std::string& model) const;
  void reserve(const op_context& op, const reserve_request& what,
               std::move_only_function<void(outcome<reserve_reply>)> then);
  void reserve_for(const job_ptr& job, const reserve_request& what,
                   std::function<void(outcome<reserve_reply>)> otherwise);
  void settle_as(const chat_meter& meter, const token_usage& used);
  void send_settlement(settle_request what);
  [[nodiscard]] std::vector<std::string> leases() const;
  void renew_leases();
  void take_lost(const std::vector<std::string>& lost);

  bool is_renewing_ = false;
};

} // namespace troupe
