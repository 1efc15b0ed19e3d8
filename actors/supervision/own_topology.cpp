#include "actors/supervision/own_topology.hpp"

#include "actors/support/answer.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <mutex>

namespace troupe {
namespace {

using clock = std::chrono::steady_clock;

std::uint64_t since(clock::time_point then) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - then).count());
}

/// One look: filled by the services, each inside its actor, until all have or the time is over.
class own_look {
public:
  own_look(const own_node& node, reply<topology> answer)
      : answer_(std::move(answer)), left_(node.services.size()) {
    shape_.name = node.name;
    shape_.instance = instance_text(own_incarnation());
    shape_.roles = node.roles;
    if (node.streams) shape_.streams = static_cast<std::uint64_t>(node.streams());
    for (const auto& s : node.services) shape_.services.push_back(s.name);
  }

  void take(service_load load) {
    const std::lock_guard lock(mutex_);
    loads_.push_back(std::move(load));
    if (--left_ == 0) end();
  }
  void give_up() {
    const std::lock_guard lock(mutex_);
    if (left_ > 0) shape_.stuck_ms = since(began_);
    end();
  }

private:
  /// Once.
  void end() {
    if (!answer_) return;
    topology out;
    out.taken_at = unix_now();
    for (const auto& name : shape_.services) {
      const auto at = std::ranges::find(loads_, name, &service_load::name);
      service_load load;
      if (at != loads_.end())
        load = *at;
      else
        load.oldest_ms = shape_.stuck_ms;
      load.name = name;
      load.workers = 1;
      shape_.in_flight += load.in_flight;
      out.services.push_back(std::move(load));
    }
    std::ranges::sort(out.services, {}, &service_load::name);
    out.nodes.push_back(std::move(shape_));
    auto answer = std::move(answer_);
    answer(std::move(out));
  }

  std::mutex mutex_;
  reply<topology> answer_;
  std::size_t left_;
  node_view shape_;
  std::vector<service_load> loads_;
  const clock::time_point began_ = clock::now();
};

/// Runs inside the service's actor.
service_load measured(const std::string& name, caf::abstract_actor* actor, clock::time_point sent) {
  service_load out;
  out.name = name;
  out.oldest_ms = since(sent);
  if (const auto* slots = slot_registry::current()) {
    out.in_flight = slots->size();
    out.requests = slots->taken();
  }
  if (auto* self = dynamic_cast<caf::scheduled_actor*>(actor))
    out.waiting.normal = self->mailbox().size();
  return out;
}

caf::behavior alarm(caf::event_based_actor*) {
  return {[](self_task& t) { (*t.run)(); }};
}

class own_topology final : public topology_source {
public:
  own_topology(caf::actor_system& system, own_node node)
      : node_(std::move(node)), alarm_(system.spawn(alarm)) {}
  ~own_topology() override { caf::anon_send_exit(alarm_, caf::exit_reason::user_shutdown); }

  void look(reply<topology> answer) override {
    const auto look = std::make_shared<own_look>(node_, std::move(answer));
    caf::delayed_anon_send(alarm_, topology_patience, make_task([look] { look->give_up(); }));
    const auto sent = clock::now();
    for (const auto& s : node_.services)
      s.post(make_task(
          [look, sent, name = s.name, actor = caf::actor_cast<caf::abstract_actor*>(s.actor)] {
            look->take(measured(name, actor, sent));
          }));
  }

private:
  const own_node node_;
  const caf::actor alarm_;
};

} // namespace

std::unique_ptr<topology_source> make_own_topology(caf::actor_system& system, own_node node) {
  return std::make_unique<own_topology>(system, std::move(node));
}

} // namespace troupe
