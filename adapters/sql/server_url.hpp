#pragma once

#include "messages/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::sql {

/// A database server, as its URL names it.
struct sql_server {
  enum class kind : std::uint8_t { mysql, postgresql };
  kind what = kind::mysql;
  std::string host;       ///< a name or an address
  std::uint16_t port = 0; ///< never 0: the protocol's own where the URL has none
  std::string database;
  std::string user, password; ///< decoded
  std::string ca_file;      ///< `ssl-ca` or `sslrootcert`: the server must show a certificate of it
  bool require_tls = false; ///< `sslmode=require`, or a ca_file
};

/// `mysql://` (also `mariadb://`, `mysql+…://` as Python's libraries write it) and `postgresql://`
/// (also `postgres://`, `postgresql+…://`), RFC 3986. Errors name what is wrong, never the
/// password.
[[nodiscard]] result<sql_server> parse_server_url(std::string_view url);

/// `mysql://host:3306/database`.
[[nodiscard]] std::string shown(const sql_server& server);

/// `key='value'`, escaped as SOCI's MySQL and libpq's connection strings want it, with a space
/// before it.
void append_parameter(std::string& out, std::string_view key, std::string_view value);

} // namespace troupe::sql
