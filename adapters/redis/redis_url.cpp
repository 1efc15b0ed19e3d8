#include "adapters/redis/redis_url.hpp"

#include "adapters/redis/redis_stores.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace troupe::redis {
namespace {

std::unexpected<error> wrong(std::string what) {
  return fail(errc::invalid_argument, std::move(what), "redis.url");
}

template <class Number>
bool is_number(std::string_view text, Number& out) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc() && end == text.data() + text.size();
}

result<void> take_address(server& out, const boost::urls::url_view& url) {
  out.host = url.host_address();
  if (out.host.empty()) return wrong("a host is missing after ://");
  const std::string_view port{url.port().data(), url.port().size()};
  if (!port.empty() && (!is_number(port, out.port) || out.port == 0))
    return wrong("the port must be a number from 1 to 65535");
  return {};
}

result<void> take_account(server& out, const boost::urls::url_view& url) {
  out.user = url.user();
  out.password = url.password();
  if (!out.user.empty() && out.password.empty())
    return wrong("a user without a password: a password alone is written :password@host");
  return {};
}

result<void> take_database(server& out, const boost::urls::url_view& url) {
  const auto segments = url.segments();
  if (segments.size() == 0 || (segments.size() == 1 && (*segments.begin()).empty())) return {};
  if (segments.size() > 1 || !is_number(std::string(*segments.begin()), out.database))
    return wrong("a database's number is wanted after the host, as in /0");
  return {};
}

result<void> take_options(server& out, const boost::urls::url_view& url) {
  for (const auto& option : url.params()) {
    if (option.key != "ca") return wrong("unknown option " + option.key + " (known: ca)");
    if (!out.tls) return wrong("the option ca is of rediss:// only");
    out.ca_file = option.value;
    if (out.ca_file.empty()) return wrong("the option ca names no file");
  }
  return {};
}

} // namespace

result<server> parse_url(std::string_view text) {
  const auto parsed = boost::urls::parse_uri({text.data(), text.size()});
  if (!parsed) return wrong("it is no URL such as redis://:password@host:6379/0");
  const auto& url = *parsed;
  const std::string_view scheme{url.scheme().data(), url.scheme().size()};
  if (scheme != "redis" && scheme != "rediss") return wrong("the scheme must be redis or rediss");
  server out;
  out.tls = scheme == "rediss";
  for (const auto& take : {take_address, take_account, take_database, take_options})
    if (auto ok = take(out, url); !ok) return std::unexpected(std::move(ok.error()));
  return out;
}

} // namespace troupe::redis

namespace troupe {

result<void> check_redis_url(std::string_view url) {
  auto parsed = redis::parse_url(url);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  return {};
}

} // namespace troupe
