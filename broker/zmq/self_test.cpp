#include "broker/zmq/self_test.hpp"

#include "broker/zmq/address.hpp"
#include "broker/zmq/curve.hpp"
#include "broker/zmq/socket.hpp"

namespace troupe::wire {
namespace {

constexpr std::chrono::seconds patience{5}; ///< longer than a handshake may take

} // namespace

bool is_refused(const key_pair& stranger, const std::string& address, const std::string& server_key,
                std::string& why) {
  auto socket = make_socket(zmq::socket_type::dealer, address);
  make_curve_client(socket, stranger.secret_key, server_key);
  end_monitor ends(socket);
  socket.connect(reachable(address));
  const auto until_when = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until_when) {
    zmq::pollitem_t items[] = {{ends.socket().handle(), 0, ZMQ_POLLIN, 0}};
    zmq_poll(items, 1, until(until_when).count());
    const auto seen = ends.take();
    if (seen.opened > 0) {
      why = "a key that is not in the allow-list was let in";
      return false;
    }
    if (seen.refused > 0) return true;
    if (seen.ended > 0) break;
  }
  why = "a key that is not in the allow-list got no answer";
  return false;
}

} // namespace troupe::wire
