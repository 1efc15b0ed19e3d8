#pragma once

#include "broker/asked_calls.hpp"
#include "broker/asked_stats.hpp"
#include "broker/served_calls.hpp"

#include <vector>

namespace troupe::wire {

/// A node's half of the backbone, without sockets, threads or a clock: its links to the brokers,
/// what it asked and what it serves.
class node_state {
public:
  explicit node_state(node_identity who, node_bounds bounds = {});
  node_state(const node_state&) = delete;
  node_state& operator=(const node_state&) = delete;

  /// Appends to `out`, in order. `now` never runs back.
  void step(instant now, node_input in, std::vector<node_output>& out);
  /// When `time_passed` is due at the latest.
  [[nodiscard]] instant due() const;

  [[nodiscard]] bool is_linked() const noexcept { return is_linked_; }
  [[nodiscard]] bool is_broker_leaving() const noexcept { return links_.is_leaving(); }
  [[nodiscard]] std::size_t asked() const noexcept { return asked_.size(); }
  [[nodiscard]] std::size_t served() const noexcept { return served_.size(); }
  [[nodiscard]] std::size_t links() const noexcept { return links_.welcomed(); }
  /// Frames and calls for which nobody here waits (any more).
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_ + asked_.dropped() + served_.dropped();
  }

private:
  void on(link_up& in);
  void on(link_down& in);
  void on(broker_frame& in);
  void on(time_passed&);
  void on(bus_request& in);
  void on(bus_window& in);
  void on(bus_cancel& in);
  void on(send_partial& in);
  void on(send_final& in);
  void on(send_failure& in);
  void on(drain_started&);
  void on(stop_asked&);
  void on(pulse_taken& in) noexcept { stuck_ = in.stuck; }
  void on(stats_asked& in) { asked_stats_.ask(now_, in); }

  void take_about_call(broker_frame& in);
  void take_refusal(const broker_frame& in);
  void hear_brokers(std::string_view body);
  void heed(link_state& link, link_state::news what);
  void lose(link_id link);
  void confirm(link_id link);
  void look_linked();

  const node_identity who_;
  const node_bounds bounds_;
  outbox out_;
  node_links links_;
  asked_calls asked_;
  served_calls served_;
  asked_stats asked_stats_;
  bool is_linked_ = false;
  std::chrono::milliseconds stuck_{0};
  std::uint64_t dropped_ = 0;
  instant now_{};
};

} // namespace troupe::wire
