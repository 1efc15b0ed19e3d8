#pragma once

#include <caf/execution_unit.hpp>
#include <caf/message_id.hpp>
#include <caf/resumable.hpp>

#include <utility>
#include <vector>

/// Actors on the threads of the edge, the bus and the provider. Handing a message from such a
/// thread to CAF's scheduler costs a wake-up of another thread (30 µs on two cores) before work of
/// a few microseconds; these threads run the awakened actors themselves, as CAF's own I/O
/// multiplexer does with its brokers. docs/decisions/0008.
namespace troupe {

/// Runs actors on the thread that made it, one after the other, never one inside another.
class thread_runner final : public caf::execution_unit {
public:
  /// Takes the thread until the end of the scope.
  explicit thread_runner(caf::actor_system& system);
  /// Runs what is ready. Actors that have much to do go on in CAF's scheduler.
  ~thread_runner() override;
  thread_runner(const thread_runner&) = delete;
  thread_runner& operator=(const thread_runner&) = delete;

  void exec_later(caf::resumable* job) override { ready_.push_back(job); }

  /// What runs actors on this thread now; null on CAF's threads and on those that run none.
  [[nodiscard]] static thread_runner* current() noexcept;

private:
  void run(caf::resumable* job);

  std::vector<caf::resumable*> ready_;
};

/// True while this thread runs an actor, CAF's threads included.
[[nodiscard]] bool is_inside_actor() noexcept;

/// Sends without a sender; asynchronous, as caf::anon_send.
template <class Handle, class Message>
void post_to(const Handle& to, Message message) {
  to->eq_impl(caf::make_message_id(), nullptr, thread_runner::current(), std::move(message));
}

/// Sends, and runs on this thread what that awakens before it returns. For threads that wait for
/// I/O: not with a lock held, not for work that may take a millisecond. Inside an actor it only
/// sends.
template <class Handle, class Message>
void run_here(const Handle& to, Message message) {
  if (is_inside_actor() || thread_runner::current() != nullptr)
    return post_to(to, std::move(message));
  const thread_runner runner(to->home_system());
  post_to(to, std::move(message));
}

} // namespace troupe
