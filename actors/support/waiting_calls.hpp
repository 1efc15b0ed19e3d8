#pragma once

#include "actors/support/message_types.hpp"
#include "messages/base/error.hpp"

#include <unordered_map>

namespace troupe {

/// Calls that wait in an actor before anybody behind it knows them: a cancel that comes meanwhile
/// would be lost there, and is kept here. For one actor's thread.
class waiting_calls {
public:
  void add(const call_id& cid) { is_cancelled_[cid] = false; }

  /// False: the call does not wait here, and the signal is for who has it.
  [[nodiscard]] bool heed(const stream_signal& s) {
    const auto at = is_cancelled_.find(s.cid);
    if (at == is_cancelled_.end()) return false;
    at->second = at->second || s.cancel;
    return true;
  }

  /// The call waits no longer: whether it was cancelled meanwhile.
  [[nodiscard]] bool take_cancelled(const call_id& cid) {
    const auto waited = is_cancelled_.extract(cid);
    return !waited.empty() && waited.mapped();
  }

  /// What such a call is answered.
  [[nodiscard]] static error cancelled() {
    return not_begun(make_error(errc::cancelled, "cancelled"));
  }

private:
  std::unordered_map<call_id, bool> is_cancelled_;
};

} // namespace troupe
