#pragma once

#include "actors/prompt/streamed_prompt.hpp"
#include "actors/support/waiting_calls.hpp"

#include <functional>
#include <optional>

namespace troupe {

/// Inside actors/prompt only: the part of the service that knows whose a conversation is. Where
/// several nodes answer chats, each of its turns is answered and kept by the one that has its
/// shard.
class conversation_prompt : public streamed_prompt {
public:
  using streamed_prompt::on;
  void start() override;
  /// One that waits for the node of its conversation can be cancelled, too.
  void on(stream_signal& s) override;
  /// Of another node's chat, whose conversation this node has by now, or will in a moment; unless
  /// it is leaving.
  void on(call<keep_turn_request>& c, answer<done> a);

protected:
  using streamed_prompt::streamed_prompt;
  using turn_kept = std::move_only_function<void(result<done>)>;

  /// Hands a chat on to the node of its conversation. The node that it was handed to waits for the
  /// shard instead, for two that do not agree would hand it to and fro; unless it is leaving.
  void answer_at_its_node(call<chat_request>& c, answer<chat_reply> a, bool was_handed_on);
  /// `place`: where the conversation may be another node's.
  virtual void answer_here(call<chat_request>& c, answer<chat_reply> a,
                           std::optional<lease_fence> place) = 0;
  /// A new conversation gets an id that makes it this node's. `then` is called when it is stored;
  /// else the chat has ended.
  void found_conversation(const job_ptr& job, std::move_only_function<void()> then);
  /// What was asked and said is stored, here or at the node that the conversation has moved to.
  void keep_turn(const job_ptr& job, turn_kept then);

private:
  using time_point = op_context::clock::time_point;

  void look_after_leases();
  void find_owner(shard_number shard, bool only_here, time_point until,
                  std::move_only_function<void(std::uint64_t)> then);
  void found_until(const job_ptr& job, time_point until, std::move_only_function<void()> then);
  [[nodiscard]] bool name_conversation(chat_job& job) const;
  void keep_at(keep_turn_request turn, lease_fence place, time_point until, turn_kept then);
  void keep_elsewhere(keep_turn_request turn, lease_fence place, time_point until, turn_kept then);
  void keep_at_owner(keep_turn_request turn, time_point until, turn_kept then);
  void keep_mine(const keep_turn_request& turn, reply<done> then);
  void append(const keep_turn_request& turn, const std::optional<lease_fence>& fence,
              reply<done> then);

  waiting_calls waiting_; // for their conversation's node
};

} // namespace troupe
