#pragma once

#include "actors/support/message_types.hpp"
#include "messages/base/metrics.hpp"

#include <caf/typed_response_promise.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

/// CAF answers a kept promise only when somebody does: dropped, or lost with its actor, it leaves
/// the requester waiting for ever (CAF 0.17). An `answer` closes that hole.
namespace troupe {

class slot_registry;

class slot_base {
public:
  virtual ~slot_base() = default;
  virtual void fail(error why) = 0;

protected:
  friend class slot_registry;
  slot_registry* home_ = nullptr; // null once answered
  std::size_t index_ = 0;
};

/// The unanswered promises of one actor. Used inside that actor only.
class slot_registry {
public:
  void add(std::shared_ptr<slot_base> slot) {
    slot->home_ = this;
    slot->index_ = live_.size();
    live_.push_back(std::move(slot));
    ++taken_;
    if (in_hand != nullptr) in_hand->add();
  }
  static void remove(slot_base& slot) noexcept {
    if (slot.home_->in_hand != nullptr) slot.home_->in_hand->add(-1);
    auto& live = slot.home_->live_;
    const auto index = slot.index_;
    slot.home_ = nullptr;
    if (index + 1 != live.size()) {
      std::swap(live[index], live.back());
      live[index]->index_ = index;
    }
    live.pop_back();
  }
  void fail_all(const error& why) {
    while (!live_.empty()) {
      const auto slot = live_.back(); // answering removes it from the list
      slot->fail(why);
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return live_.size(); }
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; } ///< since it began

  /// The gauge of how many there are, of all actors of this name; may be null.
  metrics::metric* in_hand = nullptr;

  /// What a handler's exception does to the actor; set by its shell.
  std::function<void(const std::exception&)> on_crash;

  /// The registry of the actor that runs on this thread now.
  static slot_registry*& current() noexcept {
    thread_local slot_registry* value = nullptr;
    return value;
  }

private:
  std::vector<std::shared_ptr<slot_base>> live_;
  std::uint64_t taken_ = 0;
};

/// Marks the code of a scope as running inside the registry's actor.
class inside_actor {
public:
  explicit inside_actor(slot_registry& r) noexcept
      : before_(std::exchange(slot_registry::current(), &r)) {}
  ~inside_actor() { slot_registry::current() = before_; }
  inside_actor(const inside_actor&) = delete;
  inside_actor& operator=(const inside_actor&) = delete;

private:
  slot_registry* before_;
};

/// Runs a piece of the actor. An exception is the shell's business: nothing that threw is used
/// again.
template <class F>
void run_inside(slot_registry& slots, F&& work) {
  const inside_actor scope(slots);
  try {
    work();
  } catch (const std::exception& e) {
    slots.on_crash(e);
  }
}

/// The duty to answer one request, move-only. Answer inside the actor that made it. Dropped inside
/// the actor it answers `dropped`; when the actor dies, its registry answers `worker_lost`.
template <class Reply>
class [[nodiscard]] answer {
public:
  using promise = caf::typed_response_promise<outcome<Reply>>;

  answer() = default;
  answer(slot_registry& home, promise rp) : slot_(std::make_shared<slot>(std::move(rp))) {
    home.add(slot_);
  }
  answer(answer&&) noexcept = default;
  answer& operator=(answer&& other) noexcept {
    drop();
    slot_ = std::move(other.slot_);
    return *this;
  }
  ~answer() { drop(); }

  void operator()(outcome<Reply> value) {
    if (auto s = std::move(slot_)) s->deliver(std::move(value));
  }
  void fail(error why) {
    if (auto s = std::move(slot_)) s->fail(std::move(why));
  }
  /// Hands the duty on: `next` answers the original requester.
  template <class Handle, class Request>
  void delegate(const Handle& next, call<Request> request) {
    if (auto s = std::move(slot_)) s->delegate(next, std::move(request));
  }
  explicit operator bool() const noexcept { return slot_ != nullptr; }

private:
  struct slot final : slot_base {
    explicit slot(promise p) : rp(std::move(p)) {}
    void deliver(outcome<Reply> value) {
      if (!home_) return;
      slot_registry::remove(*this);
      rp.deliver(std::move(value));
    }
    void fail(error why) override { deliver(outcome<Reply>(std::unexpected(std::move(why)))); }
    template <class Handle, class Request>
    void delegate(const Handle& next, call<Request> request) {
      if (!home_) return;
      slot_registry::remove(*this);
      rp.delegate(next, std::move(request));
    }
    [[nodiscard]] bool at_home() const noexcept {
      const auto* here = slot_registry::current();
      return here && home_ == here;
    }
    promise rp;
  };

  void drop() noexcept {
    // Elsewhere (a task that a dead actor's mailbox destroyed unrun, an actor that ends, a handler
    // that threw) the registry has answered or is about to.
    if (slot_ && slot_->at_home() && std::uncaught_exceptions() == 0)
      slot_->fail(make_error(errc::dropped, "the request was dropped"));
    slot_.reset();
  }

  std::shared_ptr<slot> slot_;
};

} // namespace troupe
