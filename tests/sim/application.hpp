#pragma once

#include "broker/node_state.hpp"
#include "tests/sim/clock.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>

namespace troupe::sim {

enum class part : std::uint8_t { edge, router, worker };

/// What runs on a node: an edge asks, a router delegates, a worker streams an answer. A new one for
/// each life of a process.
class application {
public:
  static constexpr std::uint64_t first_credit = 6; ///< of a stream, in frames
  struct manners {
    bool is_patient = false;
    bool declares = true; ///< the classes of its methods: they begin when START has come
  };

  /// `say` reaches the node's state machine and must not be called inside one of its steps.
  application(part plays, std::uint64_t incarnation, manners has, clock& time, history& record,
              std::function<void(wire::node_input)> say)
      : plays_(plays),
        incarnation_(incarnation),
        has_(has),
        time_(time),
        record_(record),
        say_(std::move(say)) {}

  [[nodiscard]] wire::node_identity identity(std::uint32_t capacity) const;

  void ask();
  /// One that is held by its worker for two seconds, and that nobody cancels.
  void ask_to_hold();
  void take(bus_answer& answer);
  void take(bus_work& work);
  /// The process dies with all that runs in it.
  void die();

private:
  struct run {
    std::uint64_t sent = 0, planned = 0, credit = first_credit;
    bool is_cancelled = false, is_waiting = false;
  };

  [[nodiscard]] std::vector<bus_method> declared(const std::string& prefix) const;
  void ask(std::string body, bool may_be_cancelled);
  void on(bus_request& request);
  void on(bus_window& window);
  void on(bus_cancel& cancel);
  void go_on(const call_id& cid);
  void end(const call_id& cid, run& what);
  void later(microseconds delay, std::function<void()> work);

  const part plays_;
  const std::uint64_t incarnation_;
  const manners has_;
  clock& time_;
  history& record_;
  const std::function<void(wire::node_input)> say_;
  std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
  std::uint64_t counter_ = 0;
  std::set<call_id> asked_;
  std::map<call_id, run> runs_;
};

} // namespace troupe::sim
