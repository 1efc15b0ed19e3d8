#pragma once

#include "messages/base/reply.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// For adapters of limit_store that renew in parts.
namespace troupe::limit_rules {

/// Gathers the answers of the parts. Thread-safe.
class renewal {
public:
  renewal(std::size_t parts, reply<std::vector<std::string>> answer)
      : waiting_(parts), answer_(std::move(answer)) {}

  /// The ids of one part that hold no stream any more; the first error is that of all.
  void take(result<std::vector<std::string>> lost) {
    std::unique_lock lock(mutex_);
    if (lost)
      lost_.insert(lost_.end(), lost->begin(), lost->end());
    else if (!failed_)
      failed_ = std::move(lost.error());
    if (--waiting_ > 0) return;
    lock.unlock(); // this was the last one
    if (failed_) return answer_.fail(std::move(*failed_));
    answer_(std::move(lost_));
  }

private:
  std::mutex mutex_;
  std::size_t waiting_;
  reply<std::vector<std::string>> answer_;
  std::vector<std::string> lost_;
  std::optional<error> failed_;
};

/// Calls `ask(part, reply)` for every `most` of the ids and answers when all parts have; at once
/// when there are none.
template <class Ask>
void renew_in_parts(std::vector<std::string> ids, std::size_t most,
                    reply<std::vector<std::string>> answer, Ask ask) {
  if (ids.empty()) return answer(std::move(ids));
  const auto all = std::make_shared<renewal>((ids.size() + most - 1) / most, std::move(answer));
  for (auto from = ids.begin(); from != ids.end();) {
    const auto to = from + std::min(static_cast<std::ptrdiff_t>(most), ids.end() - from);
    ask(std::vector<std::string>{std::move_iterator(from), std::move_iterator(to)},
        reply<std::vector<std::string>>([all](auto lost) { all->take(std::move(lost)); }));
    from = to;
  }
}

} // namespace troupe::limit_rules
