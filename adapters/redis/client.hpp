#pragma once

#include "adapters/redis/connection.hpp"
#include "adapters/redis/redis_stores.hpp"
#include "adapters/redis/scripts.hpp"

#include <atomic>
#include <map>

namespace troupe::redis {

/// One question to the server that has a key. All of them must stand being asked twice.
struct request {
  std::string key; ///< decides who is asked
  /// A whole command, or of a script the keys and then the arguments.
  std::vector<std::string> words;
  const script* program = nullptr; ///< null: a command
  std::size_t keys = 0;            ///< how many of the words, of a script

  using answer = std::move_only_function<void(result<value>)>;
  answer done; ///< never gets an error answer as a value

  // The client's own.
  connection::steady::time_point deadline;
  unsigned sent = 0;      ///< how often
  bool in_full = false;   ///< the script's text goes along
  bool is_asking = false; ///< the last redirection was an ASK
};

/// A server, or a cluster of them: finds who has a key, follows redirections, sends again what a
/// connection lost, and gives scripts to servers that do not have them.
class client {
public:
  /// The last copy of the pointer that goes ends the client, on the loop. Connects at once.
  [[nodiscard]] static result<std::shared_ptr<client>> make(const redis_config& config);

  /// Any thread. Past limits::redis_waiting requests without an answer `overloaded`, at once.
  void ask(request what);

  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }

private:
  client(const redis_config& config, const server& from, tls_context tls);

  using request_ptr = std::unique_ptr<request>;
  using node_ptr = std::shared_ptr<connection>;

  void start();
  void end();
  node_ptr make_node(endpoint to);
  /// Null: there are limits::redis_nodes already.
  connection* node_at(const endpoint& to);
  [[nodiscard]] connection* node_of(const std::string& key);

  void route(request_ptr what);
  void send(connection& to, request_ptr what);
  void on_answer(connection& from, request_ptr what, std::expected<value, fault> got);
  void on_error_answer(connection& from, request_ptr what, const std::string& text);
  void follow(request_ptr what, const redirection& where);
  void finish(request_ptr what, result<value> outcome);

  void on_node_changed(const connection& which);
  void learn_slots();
  void take_slots(const std::vector<slot_range>& ranges);
  void drop_unused_nodes(const std::vector<slot_range>& ranges);

  boost::asio::io_context& loop_;
  const server from_;
  const std::string prefix_;
  const std::chrono::milliseconds timeout_;
  const tls_context tls_;
  std::atomic<std::size_t> unanswered_{0};
  // The loop's.
  node_ptr seed_; // of the URL
  std::map<endpoint, node_ptr> nodes_;
  std::vector<connection*> slots_; // of nodes_, a slot each, null: unknown; empty: no cluster
  bool is_learning_ = false;
  bool is_ended_ = false;
};

} // namespace troupe::redis
