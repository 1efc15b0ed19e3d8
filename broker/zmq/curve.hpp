#pragma once

#include "broker/keys.hpp"

#include <zmq.hpp>

#include <string>
#include <string_view>

/// Encryption and proof of identity on a socket (CurveZMQ, RFC 26).
namespace troupe::wire {

/// Before bind: takes only connections that the handler of the domain lets in (zap.hpp).
void make_curve_server(zmq::socket_t& socket, const secret& secret_key, const std::string& domain);

/// Before connect: talks only to who holds the secret key of `server_key`.
void make_curve_client(zmq::socket_t& socket, const secret& secret_key,
                       const std::string& server_key);

/// The key of the connection that a message came by, as the handler of the domain told libzmq;
/// empty when the socket is not encrypted. As long as the message.
[[nodiscard]] std::string_view key_of(const zmq::message_t& message) noexcept;

} // namespace troupe::wire
