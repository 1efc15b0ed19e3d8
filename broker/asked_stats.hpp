#pragma once

#include "broker/node_links.hpp"

#include <map>

namespace troupe::wire {

/// What a node asked its brokers about themselves (STATS): a question goes over every link, and is
/// answered when all have answered, or at its deadline with what has come until then.
class asked_stats {
public:
  asked_stats(node_links& links, outbox& out) : links_(links), out_(out) {}

  void ask(instant now, const stats_asked& in);
  /// Whether the frame is an answer to a question of here, or was one.
  [[nodiscard]] bool take(broker_frame& in);
  void link_lost(link_id link);
  void expire(instant now);
  void end_all();

  [[nodiscard]] instant due() const;

private:
  struct question {
    std::uint64_t number = 0;
    instant deadline{};
    std::map<link_id, std::string> open; ///< addresses of those that have not answered
    std::vector<bus_stats> answers{};
  };
  using questions = std::map<call_id, question>;

  questions::iterator end(questions::iterator at);

  node_links& links_;
  outbox& out_;
  questions questions_; ///< by the id that the frames carry
};

} // namespace troupe::wire
