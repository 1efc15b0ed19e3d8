#pragma once

#include "adapters/redis/cluster_map.hpp"
#include "adapters/redis/wire.hpp"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <expected>
#include <random>

namespace troupe::redis {

/// Why a command has no answer.
enum class fault : std::uint8_t {
  down, ///< not connected: it was not sent
  lost, ///< the connection broke: it may have been done
  late, ///< its deadline passed: it may have been done
};

struct connection_settings {
  endpoint to;
  tls_context tls; ///< null: plain
  std::string user, password;
  unsigned database = 0;
  std::chrono::milliseconds timeout{0}; ///< of an attempt to connect
};

/// A connection to one server that is made again, for ever, when it breaks. Commands go out without
/// waiting for each other, and answers belong to them in their order; so a connection on which an
/// answer is late is closed. While it cannot be made commands fail at once; they wait only for a
/// first attempt, and for the one that follows at once when a sound connection was cut. On the
/// loop's thread.
class connection : public std::enable_shared_from_this<connection> {
public:
  using steady = std::chrono::steady_clock;
  using answer = std::move_only_function<void(std::expected<value, fault>)>;
  using watcher = std::move_only_function<void()>;

  connection(boost::asio::io_context& loop, connection_settings settings);

  /// `changed` is called when it is_ready() or is so no longer, and after each attempt that failed.
  void start(watcher changed);
  /// Ends for good; commands without an answer are `lost`. `changed` is not called any more.
  void close();
  /// Closes what may lead to the wrong server by now; goes on as if an answer were late.
  void mistrust(const std::string& why);

  /// `bytes`: one whole command. `done` may be called before it returns.
  void send(std::string bytes, steady::time_point deadline, answer done);

  [[nodiscard]] bool is_ready() const noexcept;
  [[nodiscard]] const endpoint& to() const noexcept { return settings_.to; }

private:
  struct link; // one TCP connection and what is on it
  using link_ptr = std::shared_ptr<link>;

  void attempt();
  void attempt_later();
  void connect(const link_ptr& on, const boost::asio::ip::tcp::resolver::results_type& found);
  void greet(const link_ptr& on);
  void greet_with(const link_ptr& on, const std::vector<std::string_view>& words,
                  bool is_last = false);
  void on_greeted();

  void put(link& on, std::string bytes, steady::time_point deadline, answer done);
  void flush(const link_ptr& on);
  void read(const link_ptr& on);
  void take_answers(const link_ptr& on, std::size_t size);

  void watch_until(steady::time_point due);
  void on_watch();
  enum class cut : std::uint8_t { refused, by_peer, distrusted };
  /// The end of a link, if it is not at its end already.
  void drop(const link_ptr& on, const std::string& why, cut how);
  static void end_all(link& gone);
  void note_down(const std::string& why);

  boost::asio::io_context& loop_;
  const connection_settings settings_;
  watcher changed_;
  link_ptr link_; // null between attempts
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer retry_, watch_;
  steady::time_point watched_ = steady::time_point::max(); // when watch_ fires
  unsigned failures_ = 0;                                  // in a row
  bool may_wait_ = true; // commands wait for the attempt that is under way
  bool closed_ = false;
  bool is_noted_down_ = false; // the log says so
  std::minstd_rand random_{std::random_device{}()};
};

} // namespace troupe::redis
