#pragma once

#include "broker/zmq_bus.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace troupe {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using test::eventually;

/// What a node proves itself with; empty: it is not encrypted.
struct node_keys {
  secret own;
  std::vector<std::string> brokers;
};

/// A node of the test: keeps what it is answered, and lets a script do its work.
class node {
public:
  using script = std::function<void(node&, bus_work)>;

  node(const std::string& broker, std::string role, std::vector<bus_service> services,
       script work = {}, bool wait = true, boost::asio::io_context* loop = nullptr)
      : node(std::vector{broker}, std::move(role), std::move(services), std::move(work), wait,
             loop) {}
  node(const std::vector<std::string>& brokers, std::string role, std::vector<bus_service> services,
       script work = {}, bool wait = true, boost::asio::io_context* loop = nullptr,
       node_keys keys = {})
      : work_(std::move(work)), incarnation_(make_call_id().counter * 7919 + 17) {
    bus_config config;
    config.join = brokers;
    config.node_name = role;
    config.roles = {std::move(role)};
    config.services = std::move(services);
    config.incarnation = incarnation_;
    config.loop = loop;
    config.key = std::move(keys.own);
    config.broker_keys = std::move(keys.brokers);
    bus_ = make_zmq_bus(std::move(config), {[this](bus_answer a) { keep(std::move(a)); },
                                            [this](bus_work w) {
                                              ready_.wait(false);
                                              if (work_) work_(*this, std::move(w));
                                            },
                                            [](bool) {}});
    ready_ = true;
    ready_.notify_all();
    if (wait) {
      EXPECT_TRUE(eventually([this] { return bus_->linked(); }));
    }
  }
  ~node() { bus_->stop(); }

  call_id ask(std::string method, std::string body = {}, std::chrono::milliseconds patience = 10s,
              bool idempotent = false) {
    bus_request r;
    r.method = std::move(method);
    r.body = std::move(body);
    r.idempotent = idempotent;
    r.deadline = clock::now() + patience;
    return ask(std::move(r));
  }
  call_id ask(bus_request r) {
    const auto cid = r.cid = {incarnation_, ++counter_};
    bus_->request(std::move(r));
    return cid;
  }
  /// The end of the call.
  std::optional<bus_answer> wait(call_id cid, std::chrono::milliseconds patience = 10s) {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, patience, [&] { return ends_.contains(cid); })) return std::nullopt;
    return ends_.at(cid);
  }
  std::string finished(call_id cid) {
    const auto end = wait(cid);
    if (!end) return "(no answer)";
    if (const auto* f = std::get_if<bus_failed>(&*end)) return "(failed: " + f->why.message + ")";
    return std::get<bus_finished>(*end).body;
  }
  error failed(call_id cid) {
    const auto end = wait(cid);
    if (!end) return make_error(errc::internal, "no answer");
    if (const auto* f = std::get_if<bus_failed>(&*end)) return f->why;
    return make_error(errc::internal, "finished");
  }
  std::vector<bus_partial> partials(call_id cid) {
    std::lock_guard lock(mutex_);
    return partials_[cid];
  }
  bool wait_partials(call_id cid, std::size_t count) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, 10s, [&] { return partials_[cid].size() >= count; });
  }
  bus& link() { return *bus_; }

private:
  void keep(bus_answer a) {
    std::lock_guard lock(mutex_);
    if (auto* p = std::get_if<bus_partial>(&a)) {
      partials_[p->cid].push_back(std::move(*p));
    } else {
      const auto* f = std::get_if<bus_finished>(&a);
      EXPECT_TRUE(ends_.emplace(f != nullptr ? f->cid : std::get<bus_failed>(a).cid, a).second);
    }
    came_.notify_all();
  }

  const script work_;
  const std::uint64_t incarnation_;
  std::uint64_t counter_ = 0;
  std::atomic<bool> ready_ = false;
  std::mutex mutex_;
  std::condition_variable came_;
  std::map<call_id, bus_answer> ends_;
  std::map<call_id, std::vector<bus_partial>> partials_;
  std::unique_ptr<bus> bus_;
};

inline std::unique_ptr<broker_node> make_broker(const std::string& address = "tcp://127.0.0.1:0") {
  std::unique_ptr<broker_node> broker;
  std::string why;
  EXPECT_TRUE(eventually([&] { return (broker = start_broker({address}, why)) != nullptr; }, 3s))
      << why;
  return broker;
}

inline void echo(node& self, bus_work w) {
  if (auto* r = std::get_if<bus_request>(&w)) self.link().finish(r->cid, std::move(r->body));
}

} // namespace troupe
