#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::wire {

/// Looks names up again and again in a thread of its own: getaddrinfo(3) may take half a minute,
/// and libzmq would call it where all data flows.
class resolver {
public:
  /// All addresses of a name, as text; empty when there are none or nobody answers.
  using lookup = std::function<std::vector<std::string>(const std::string& host)>;
  /// A round in which every name had an address; called in the resolver's thread. Names without
  /// one keep what they had last.
  using listener = std::function<void(std::vector<std::string> addresses)>;

  /// `addresses` of the form tcp://HOST:PORT. When no host is a name there is one round, before the
  /// constructor returns, and no thread.
  resolver(std::vector<std::string> addresses, listener found,
           std::chrono::milliseconds every = std::chrono::seconds(5), lookup look = system_lookup);
  /// Does not wait for a name server: a lookup that runs is left to itself, and nobody is told.
  ~resolver();
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  /// getaddrinfo(3): the IPv4 addresses, or the IPv6 ones when there are no others.
  [[nodiscard]] static std::vector<std::string> system_lookup(const std::string& host);

private:
  struct worker;
  std::shared_ptr<worker> worker_;
};

} // namespace troupe::wire
