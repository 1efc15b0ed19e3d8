#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace troupe::http {

struct turn_bounds {
  std::size_t running = 128; ///< requests of one caller at a time
  std::size_t waiting = 1000;
};

/// How many requests of each caller an edge thread works on at a time. What is past that waits
/// here, first come first served: behind the edge are queues that all callers share (sockets,
/// mailboxes), where it would stand before the requests of everybody else. Knows no more callers
/// than have requests. On one thread only.
class caller_turns {
  struct place;
  using places = std::list<place>;
  struct line {
    places running, waiting;
  };
  using lines = std::unordered_map<std::string, line>;
  struct place {
    lines::iterator of;
    std::function<void()> begin;
    bool is_running = false;
  };

public:
  /// A request's, until it is destroyed; then the caller's next begins. Must not outlive its turns.
  class turn {
  public:
    turn() = default; ///< of a request that needs none
    turn(turn&& other) noexcept : home_(std::exchange(other.home_, nullptr)), at_(other.at_) {}
    turn& operator=(turn&& other) noexcept {
      std::swap(home_, other.home_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~turn() {
      if (home_ != nullptr) home_->end(at_);
    }
    [[nodiscard]] bool is_running() const noexcept { return home_ != nullptr && at_->is_running; }

  private:
    friend class caller_turns;
    turn(caller_turns& home, places::iterator at) : home_(&home), at_(at) {}
    caller_turns* home_ = nullptr;
    places::iterator at_;
  };

  explicit caller_turns(const turn_bounds& bounds) : bounds_(bounds) {}

  /// It is running already, or `begin` is called when it is, while another one ends: `begin` must
  /// not end one itself. Nothing when as many of this caller wait as may.
  [[nodiscard]] std::optional<turn> take(const std::string& caller, std::function<void()> begin);

private:
  void end(places::iterator at);

  const turn_bounds bounds_;
  lines lines_;
};

} // namespace troupe::http
