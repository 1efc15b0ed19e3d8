#pragma once

#include "broker/node_events.hpp"
#include "broker/zmq/curve.hpp"
#include "broker/zmq/socket.hpp"

#include <functional>
#include <memory>
#include <random>
#include <string>

namespace boost::asio {
class io_context;
}

namespace troupe::wire {

/// A DEALER to one broker, made anew whenever it breaks, with a back-off of full jitter. Belongs to
/// the thread of its loop.
class broker_link {
public:
  struct listener {
    std::function<void()> news;                ///< there may be frames: take them
    std::function<void(broker_link&)> dropped; ///< the connection is gone
  };

  /// What a link proves itself with, and what it wants proved. Without a key: plain.
  struct keys {
    secret own;
    std::vector<std::string> brokers; ///< tried in turn
  };

  broker_link(boost::asio::io_context& io, link_id id, std::string address, std::uint64_t chance,
              const listener& told, const keys& with)
      : io_(io), id_(id), address_(std::move(address)), jitter_(chance), told_(told), keys_(with) {}

  [[nodiscard]] link_id id() const noexcept { return id_; }
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] bool is_up() const noexcept { return connection_ && is_up_; }
  /// When supervise() is due.
  [[nodiscard]] instant due() const noexcept { return retry_; }

  /// Connects when it is time to, gives up what does not come.
  void supervise(instant now);
  /// True once, when the connection has shaken hands.
  [[nodiscard]] bool comes_up();
  void drop(instant now, std::string_view why);
  /// The broker took this node in: the next back-off begins anew.
  void confirmed() noexcept {
    attempts_ = 0;
    is_refusal_said_ = false;
  }

  /// The next frame, if one is there.
  [[nodiscard]] std::optional<received_frames> receive();
  /// Something may have come, whatever the descriptor says: a send may swallow its signal.
  void look_again() noexcept { is_empty_ = false; }
  void send(instant now, const envelope& header, std::string body, std::string& scratch);
  [[nodiscard]] void* socket_handle() const noexcept;

private:
  struct connection;
  void watch_frames();
  void watch_ends();
  void schedule_retry(instant now);
  void note_refusal();

  boost::asio::io_context& io_;
  const link_id id_;
  const std::string address_;
  std::minstd_rand jitter_;
  const listener& told_;
  const keys& keys_;
  std::size_t key_in_turn_ = 0; ///< of keys_.brokers
  bool is_refusal_said_ = false;
  std::shared_ptr<connection> connection_;
  bool is_up_ = false;
  /// The last act on the socket was a receive that found nothing. Only then may the loop wait for
  /// its descriptor.
  bool is_empty_ = false;
  instant retry_{}; ///< to connect, or to give a connection up
  unsigned attempts_ = 0;
};

} // namespace troupe::wire
