#include "broker/zmq/curve.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace troupe {
namespace {

using z85_text = std::array<char, link_key_characters + 1>;

/// Z85 (ZeroMQ's RFC 32).
constexpr std::string_view z85_alphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

} // namespace

key_pair make_key_pair() {
  z85_text open{}, hidden{};
  if (zmq_curve_keypair(open.data(), hidden.data()) != 0) throw zmq::error_t();
  return {open.data(), {hidden.data()}};
}

bool is_link_key(std::string_view text) noexcept {
  if (text.size() != link_key_characters) return false;
  if (text.find_first_not_of(z85_alphabet) != std::string_view::npos) return false;
  std::array<std::uint8_t, 32> bytes{};
  // Five characters may say more than four bytes hold.
  return zmq_z85_decode(bytes.data(), std::string(text).c_str()) != nullptr;
}

std::string public_key_of(const secret& secret_key) {
  z85_text open{};
  if (zmq_curve_public(open.data(), secret_key.value.c_str()) != 0) throw zmq::error_t();
  return open.data();
}

namespace wire {
namespace {

constexpr int zap_enforce_domain = 93; ///< ZMQ_ZAP_ENFORCE_DOMAIN

} // namespace

void make_curve_server(zmq::socket_t& socket, const secret& secret_key, const std::string& domain) {
  socket.set(zmq::sockopt::zap_domain, domain);
  // Without a handler nobody gets in. Its number is in the headers of draft builds only, the option
  // in all; where it is not, the start-up self-test is what tells.
  const int enforced = 1;
  zmq_setsockopt(socket.handle(), zap_enforce_domain, &enforced, sizeof enforced);
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, secret_key.value);
}

void make_curve_client(zmq::socket_t& socket, const secret& secret_key,
                       const std::string& server_key) {
  socket.set(zmq::sockopt::curve_serverkey, server_key);
  socket.set(zmq::sockopt::curve_publickey, public_key_of(secret_key));
  socket.set(zmq::sockopt::curve_secretkey, secret_key.value);
}

std::string_view key_of(const zmq::message_t& message) noexcept {
  const char* key = zmq_msg_gets(message.handle(), "User-Id");
  return key == nullptr ? std::string_view() : std::string_view(key);
}

} // namespace wire
} // namespace troupe
