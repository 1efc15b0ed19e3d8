#pragma once

#include "broker/link_state.hpp"

#include <memory>
#include <random>

namespace troupe::wire {

/// A node's links to its brokers, none of which is special.
class node_links {
public:
  node_links(const node_identity& who, const node_bounds& bounds, outbox& out)
      : who_(who),
        bounds_(bounds),
        out_(out),
        chance_(static_cast<std::minstd_rand::result_type>(who.link)) {}

  /// A connection is there; says HELLO over it.
  void add(instant now, link_id id, std::string address);
  /// It is gone, or of no use. False: it was not there.
  bool remove(instant now, link_id id);
  /// Each broker counts by itself, so each is offered its part of what this node can take.
  void share(instant now);
  void drain();
  void clear() noexcept { links_.clear(); }
  void forgive(instant now);

  [[nodiscard]] std::size_t welcomed() const noexcept; ///< how many
  [[nodiscard]] link_state* find(link_id id) noexcept;
  [[nodiscard]] bool is_welcomed(link_id id) noexcept;
  /// For a new request: of two taken at random the one with less in flight (Mitzenmacher, "The
  /// power of two choices in randomized load balancing", 2001), among those that may have one: they
  /// neither leave nor are silent, unless all do. 0: there is none.
  [[nodiscard]] link_id choose(instant now, link_id except = 0);
  /// For what lost its way: the next after `last` in a circle.
  [[nodiscard]] link_id next(link_id last) const;

  /// Addresses of the brokers that this node is registered with.
  [[nodiscard]] std::vector<std::string> addresses() const;
  [[nodiscard]] bool is_linked() const noexcept;
  [[nodiscard]] bool is_leaving() const noexcept; ///< all brokers are
  /// All brokers that have welcomed this node are.
  [[nodiscard]] bool are_all_in(const std::vector<link_id>& some) const;
  [[nodiscard]] instant due() const;

  template <class F>
  void each(F what) {
    for (auto& l : links_) what(*l);
  }

private:
  const node_identity& who_;
  const node_bounds& bounds_;
  outbox& out_;
  bool is_draining_ = false;
  std::vector<std::unique_ptr<link_state>> links_; ///< by id
  std::vector<link_state*> candidates_;            ///< of choose()
  std::minstd_rand chance_;
};

} // namespace troupe::wire
