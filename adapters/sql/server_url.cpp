#include "adapters/sql/server_url.hpp"

#include "adapters/sql/sql_stores.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace troupe::sql {
namespace {

std::unexpected<error> wrong(std::string what) {
  return fail(errc::invalid_argument, std::move(what), "database.url");
}

/// The scheme without the driver that some libraries add: `mysql+pymysql`.
std::string_view plain_scheme(std::string_view scheme) {
  return scheme.substr(0, scheme.find('+'));
}

result<void> take_option(sql_server& out, const std::string& key, const std::string& value) {
  if (key == "ssl-ca" || key == "ssl_ca" || key == "sslrootcert") {
    out.ca_file = value;
    out.require_tls = true;
    return {};
  }
  if (key == "sslmode" || key == "ssl-mode") {
    if (value == "disable" || value == "DISABLED" || value == "prefer" || value == "PREFERRED")
      return {};
    out.require_tls = true;
    return {};
  }
  if (key == "charset") return {}; // it is always utf8mb4
  return wrong("unknown option " + key + " (known: ssl-ca, sslmode)");
}

} // namespace

result<sql_server> parse_server_url(std::string_view text) {
  const auto parsed = boost::urls::parse_uri({text.data(), text.size()});
  if (!parsed) return wrong("it is no URL such as mysql://user:password@host:3306/database");
  const auto& url = *parsed;
  sql_server out;
  const auto scheme = plain_scheme({url.scheme().data(), url.scheme().size()});
  if (scheme == "mysql" || scheme == "mariadb") {
    out.what = sql_server::kind::mysql;
    out.port = 3306;
  } else if (scheme == "postgresql" || scheme == "postgres") {
    out.what = sql_server::kind::postgresql;
    out.port = 5432;
  } else {
    return wrong("the scheme must be mysql, postgresql or sqlite");
  }
  out.host = url.host_address();
  if (out.host.empty()) return wrong("a host is missing after ://");
  if (url.has_port()) {
    const std::string_view port{url.port().data(), url.port().size()};
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (failed != std::errc() || end != port.data() + port.size() || out.port == 0)
      return wrong("the port must be a number from 1 to 65535");
  }
  out.user = url.user();
  out.password = url.password();
  if (out.user.empty()) return wrong("a user is missing before the @");
  const auto segments = url.segments();
  if (segments.size() != 1 || (*segments.begin()).empty())
    return wrong("one database is wanted after the host, as in /troupe");
  out.database = *segments.begin();
  for (const auto& option : url.params())
    if (auto ok = take_option(out, option.key, option.value); !ok)
      return std::unexpected(std::move(ok.error()));
  return out;
}

std::string shown(const sql_server& server) {
  const bool six = server.host.contains(':');
  return std::string(server.what == sql_server::kind::mysql ? "mysql://" : "postgresql://") +
         (six ? '[' + server.host + ']' : server.host) + ':' + std::to_string(server.port) + '/' +
         server.database;
}

void append_parameter(std::string& out, std::string_view key, std::string_view value) {
  out += ' ';
  out += key;
  out += "='";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  out += '\'';
}

} // namespace troupe::sql

namespace troupe {

result<void> check_sql_url(std::string_view url) {
  auto parsed = sql::parse_server_url(url);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  return {};
}

} // namespace troupe
