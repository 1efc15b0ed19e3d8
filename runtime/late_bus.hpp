#pragma once

#include "broker/bus.hpp"

#include <atomic>
#include <memory>
#include <utility>

namespace troupe {

/// The bus for those who must exist before it: bridges hold this one, the real bus needs the
/// bridges' callbacks to start. A call before set() waits; set() follows within microseconds.
class late_bus final : public bus {
public:
  void set(std::unique_ptr<bus> real) {
    owner_ = std::move(real);
    real_ = owner_.get();
    real_.notify_all();
  }

  void request(bus_request r) override { real().request(std::move(r)); }
  void window(call_id cid, std::uint64_t acked, std::uint32_t frames,
              std::uint32_t bytes) override {
    real().window(cid, acked, frames, bytes);
  }
  void cancel(call_id cid) override { real().cancel(cid); }
  void stats(std::chrono::milliseconds patience, reply<std::vector<bus_stats>> answer) override {
    real().stats(patience, std::move(answer));
  }
  void partial(call_id cid, std::uint64_t seq, std::string body) override {
    real().partial(cid, seq, std::move(body));
  }
  void finish(call_id cid, std::string body) override { real().finish(cid, std::move(body)); }
  void fail(call_id cid, error why) override { real().fail(cid, std::move(why)); }
  void drain() override { real().drain(); }
  void stop() override { real().stop(); }
  [[nodiscard]] bool linked() const noexcept override {
    const auto* now = real_.load();
    return now && now->linked();
  }

  [[nodiscard]] bool broker_leaving() const noexcept override {
    const auto* now = real_.load();
    return now && now->broker_leaving();
  }

private:
  bus& real() {
    real_.wait(nullptr);
    return *real_.load();
  }

  std::unique_ptr<bus> owner_;
  std::atomic<bus*> real_{nullptr};
};

} // namespace troupe
