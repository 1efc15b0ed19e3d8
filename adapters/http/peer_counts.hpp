#pragma once

#include "messages/base/ip_address.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace troupe::http {

/// How many connections each address has, IPv6 by its /64. Thread-safe; holds no more entries than
/// there are connections.
class peer_counts {
public:
  /// A counted connection, until it is destroyed. Must not outlive its counts.
  class place {
  public:
    place() = default; ///< of a connection that is not counted
    place(place&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), who_(std::move(other.who_)) {}
    place& operator=(place&&) = delete;
    ~place() {
      if (of_ != nullptr) of_->give_back(who_);
    }

  private:
    friend class peer_counts;
    place(peer_counts& of, std::string who) : of_(&of), who_(std::move(who)) {}
    peer_counts* of_ = nullptr;
    std::string who_;
  };

  /// 0: nothing is counted.
  explicit peer_counts(unsigned most) : most_(most) {}

  /// Nothing when the address has its most.
  [[nodiscard]] std::optional<place> take(const ip_address& peer);

private:
  void give_back(const std::string& who);

  const unsigned most_;
  std::mutex mutex_;
  std::unordered_map<std::string, unsigned> counts_; // under the mutex
};

} // namespace troupe::http
