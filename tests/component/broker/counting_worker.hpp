#pragma once

#include "tests/component/broker/bus_node.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace troupe {

/// Streams numbers until it is told to stop; the answer says how many there were.
class counting_worker {
public:
  explicit counting_worker(const std::vector<std::string>& brokers, node_keys keys = {})
      : node_(
            brokers, "prompt", {{"prompt"}},
            [this](node& self, bus_work w) {
              if (auto* r = std::get_if<bus_request>(&w))
                threads_.emplace_back([this, &self, cid = r->cid] { count(self, cid); });
            },
            true, nullptr, std::move(keys)) {}
  ~counting_worker() {
    is_stopped_ = true;
    for (auto& t : threads_) t.join();
  }
  void stop_counting() { is_stopped_ = true; }
  node& link() { return node_; }

private:
  void count(node& self, call_id cid) {
    std::uint64_t n = 0;
    while (!is_stopped_) {
      ++n;
      self.link().partial(cid, n, std::to_string(n));
      std::this_thread::sleep_for(2ms);
    }
    self.link().finish(cid, std::to_string(n));
  }

  std::atomic<bool> is_stopped_ = false;
  std::vector<std::thread> threads_;
  node node_;
};

/// Waits for the end of a stream of numbers: all came, in order and once.
inline void expect_whole(node& client, const call_id& cid) {
  const auto count = client.finished(cid);
  const auto partials = client.partials(cid);
  ASSERT_EQ(count, std::to_string(partials.size()));
  for (std::size_t n = 0; n < partials.size(); ++n) {
    EXPECT_EQ(partials[n].seq, n + 1);
    EXPECT_EQ(partials[n].body, std::to_string(n + 1));
  }
}

} // namespace troupe
