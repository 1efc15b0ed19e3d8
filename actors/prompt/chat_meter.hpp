#pragma once

#include "messages/base/limits.hpp"
#include "messages/base/model_price.hpp"
#include "messages/chat.hpp"
#include "messages/limits.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// What one chat has reserved of its caller's limits: the prompt and a first piece of the answer at
/// admission, further pieces as the model goes on, and at the end what was really used. Pure
/// bookkeeping.
class chat_meter {
public:
  struct plan {
    std::int64_t prompt_tokens = 0; ///< estimated
    /// Tokens that the model will say at most, or when it is not told likely will; 0 or more.
    std::int64_t answer_tokens = 0;
    model_price price;
    bool is_streamed = false; ///< then it can be cut, and is reserved piece by piece
    std::int64_t step = limits::stream_tokens_step; ///< tokens of such a piece, at least 1
    std::string shards = {};                        ///< for the ids: reservation_shards()
  };

  /// The first reservation.
  [[nodiscard]] reserve_request begin(plan what);

  /// The next one, when the model has said (nearly) all that is reserved and none is under way.
  [[nodiscard]] std::optional<reserve_request> more(std::int64_t answer_tokens);
  /// The service did not answer: it may be asked again.
  void unanswered() noexcept { is_asking_ = false; }
  /// Tokens of the answer that are reserved.
  [[nodiscard]] std::int64_t reserved() const noexcept { return answer_tokens_; }
  /// In the place of a stream whose lease was lost.
  [[nodiscard]] reserve_request again() const;

  /// The service took it.
  void took(const reserve_request& asked, const reserve_reply& said);

  /// What to say of all reservations now that the chat is over. Empty: there are none.
  [[nodiscard]] std::vector<settle_request> settle(const token_usage& used) const;

  /// The reservations that hold a stream.
  [[nodiscard]] std::vector<std::string> leases() const;
  void lost(const std::string& lease);

private:
  struct held {
    reserve_request asked;
    std::vector<std::string> kinds;
    bool holds_stream = false;
  };

  [[nodiscard]] static settle_request settled(const held& each, std::int64_t tokens,
                                              std::int64_t money);

  plan plan_;
  std::int64_t answer_tokens_ = 0; // reserved for the answer
  bool is_asking_ = false;
  bool counts_tokens_ = false; // a cap on tokens or money: only then more is asked for
  std::vector<held> held_;
};

} // namespace troupe
