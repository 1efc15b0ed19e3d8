#include "broker/zmq/resolver.hpp"

#include "broker/broker_list.hpp"
#include "broker/zmq/address.hpp"
#include "messages/base/log.hpp"

#include <netdb.h>
#include <pthread.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace troupe::wire {

struct resolver::worker {
  struct name {
    std::string host, port;
    std::vector<std::string> last_good;
  };

  void run() {
    pthread_setname_np(pthread_self(), "resolver");
    std::unique_lock lock(mutex);
    while (!is_stopped) {
      lock.unlock();
      auto all = round();
      lock.lock();
      if (is_stopped) return;
      found(std::move(all));
      stop.wait_for(lock, every, [this] { return is_stopped; });
    }
  }

  std::vector<std::string> round() {
    auto all = literals;
    for (auto& n : names) {
      auto hosts = look(n.host);
      if (hosts.empty())
        log::warn("bus.unresolved", {{"host", n.host}});
      else
        n.last_good = std::move(hosts);
      for (const auto& host : n.last_good) all.push_back(join_address(host, n.port));
    }
    return all;
  }

  listener found;
  std::chrono::milliseconds every;
  lookup look;
  std::vector<std::string> literals;
  std::vector<name> names;
  std::mutex mutex;
  std::condition_variable stop;
  bool is_stopped = false; // guarded by mutex, as is calling `found`
};

resolver::resolver(std::vector<std::string> addresses, listener found,
                   std::chrono::milliseconds every, lookup look)
    : worker_(std::make_shared<worker>()) {
  auto& w = *worker_;
  w.found = std::move(found);
  w.every = every;
  w.look = std::move(look);
  for (auto& address : addresses) {
    auto [host, port] = split_address(address);
    if (is_literal(host))
      w.literals.push_back(std::move(address));
    else if (!host.empty())
      w.names.push_back({std::move(host), std::move(port), {}});
  }
  if (w.names.empty())
    w.found(w.literals);
  else
    std::thread([w = worker_] { w->run(); }).detach();
}

resolver::~resolver() {
  const std::lock_guard lock(worker_->mutex);
  worker_->is_stopped = true;
  worker_->stop.notify_all();
}

std::vector<std::string> resolver::system_lookup(const std::string& host) {
  for (const int family : {AF_INET, AF_INET6}) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) continue;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
    std::vector<std::string> out;
    for (const auto* a = found; a != nullptr && out.size() < brokers_max; a = a->ai_next) {
      std::array<char, NI_MAXHOST> text{};
      if (getnameinfo(a->ai_addr, a->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0)
        out.emplace_back(text.data());
    }
    if (!out.empty()) return out;
  }
  return {};
}

} // namespace troupe::wire
