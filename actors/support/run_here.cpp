#include "actors/support/run_here.hpp"

#include "actors/support/answer.hpp"

#include <caf/actor_system.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

namespace troupe {
namespace {

constexpr std::size_t messages_a_turn = 50; // of one actor, as in CAF's scheduler
constexpr std::size_t turns_most = 64;      // before the thread returns to its I/O

thread_local thread_runner* runner_of_thread = nullptr;
thread_local std::vector<caf::resumable*> spare; // keeps its memory from one scope to the next

} // namespace

thread_runner* thread_runner::current() noexcept {
  return runner_of_thread;
}

bool is_inside_actor() noexcept {
  return slot_registry::current() != nullptr;
}

thread_runner::thread_runner(caf::actor_system& system) : execution_unit(&system) {
  ready_.swap(spare);
  runner_of_thread = this;
}

thread_runner::~thread_runner() {
  for (std::size_t next = 0; next < ready_.size(); ++next) {
    if (next < turns_most)
      run(ready_[next]);
    else
      system().scheduler().enqueue(ready_[next]);
  }
  runner_of_thread = nullptr;
  ready_.clear();
  spare.swap(ready_);
}

void thread_runner::run(caf::resumable* job) {
  switch (job->resume(this, messages_a_turn)) {
    case caf::resumable::resume_later:
      system().scheduler().enqueue(job); // with the reference that came with the job
      return;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
    case caf::resumable::shutdown_execution_unit:
      intrusive_ptr_release(job);
      return;
  }
}

} // namespace troupe
