#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

/// Which brokers a node should be linked to: those that its settings and DNS name, and those that
/// other nodes are linked to. Everything here has the form `tcp://ADDRESS:PORT` with an IPv4
/// address or an IPv6 one in brackets; names are resolved elsewhere.
namespace troupe::wire {

inline constexpr std::size_t brokers_max = 16;
inline constexpr std::size_t broker_address_bytes = 64;

/// Pure; one thread. At most brokers_max addresses, none twice; settings and DNS come before what
/// others say.
class broker_list {
public:
  using instant = std::chrono::steady_clock::time_point;

  /// What a round of the resolver found: all literal settings and the records of all names. A round
  /// that failed is none.
  void resolved(const std::vector<std::string>& found);
  /// What a broker says that others are linked to.
  void heard(instant now, const std::vector<std::string>& addresses);
  void linked(const std::string& address, bool is);
  /// Forgets what nobody is linked to, nobody has spoken of for 30 s, and three rounds of the
  /// resolver did not find: DNS alone removes nothing.
  void prune(instant now);

  [[nodiscard]] std::vector<std::string> all() const;

private:
  struct entry {
    std::string address;
    bool is_linked = false;
    int rounds_without = 3; ///< since the resolver found it
    instant heard{};
  };
  entry* at(const std::string& address);
  entry* add(const std::string& address);
  void drop_hearsay();

  std::vector<entry> entries_;
};

} // namespace troupe::wire
