#include "runtime/config.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <charconv>

namespace troupe {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view word) noexcept {
  return std::ranges::find(list, word) != list.end();
}

} // namespace

bool has_role(const config& in, std::string_view role) noexcept {
  if (contains(in.roles, "all")) return role != "broker";
  return contains(in.roles, role);
}

bool is_single_process(const config& in) noexcept {
  return contains(in.roles, "all");
}

bool wants_http(const config& in) noexcept {
  return has_role(in, "edge") || in.http_given;
}

limit_keeper limit_keeper_of(const config& in) {
  const auto& wanted = in.caps.store;
  if (wanted == "redis") return limit_keeper::redis;
  if (wanted == "sql") return limit_keeper::sql;
  if (wanted == "nodes") return limit_keeper::nodes;
  if (!in.redis.url.value.empty()) return limit_keeper::redis;
  if (!has_sql_server(in)) return limit_keeper::memory;
  return broker_links(in).empty() ? limit_keeper::sql : limit_keeper::nodes;
}

std::vector<std::string> broker_links(const config& in) {
  if (is_single_process(in)) return {};
  if (!in.bus.join.empty()) return in.bus.join;
  if (has_role(in, "broker") && in.roles.size() > 1) return {in.bus.bind};
  return {};
}

std::optional<endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.contains(':')) {
    return std::nullopt; // an IPv6 address without brackets: where would the port begin?
  }
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (code != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (address.empty()) return std::nullopt;
  return endpoint{std::string(address), port};
}

endpoint http_endpoint(const config& in) {
  auto parsed = parse_endpoint(in.http.address).value_or(endpoint{"127.0.0.1", 0});
  if (parsed.address == "localhost") parsed.address = "127.0.0.1";
  return parsed;
}

bool signup_is_open(const config& in) {
  if (in.auth.signup == "auto") return is_loopback(http_endpoint(in).address);
  return in.auth.signup == "open";
}

bool confirms_email(const config& in) {
  if (in.auth.confirm_email == "auto") return !in.mail.smtp_url.value.empty();
  return in.auth.confirm_email == "on";
}

std::filesystem::path database_file(const config& in, std::string_view name) {
  const std::filesystem::path auth_file = in.sqlite.path;
  if (auth_file.empty()) return std::filesystem::path(in.data.dir) / (std::string(name) + ".db");
  if (name == "auth") return auth_file;
  return auth_file.parent_path() / (std::string(name) + ".db");
}

std::filesystem::path role_lock_file(const config& in, std::string_view role) {
  if (in.sqlite.path.empty())
    return std::filesystem::path(in.data.dir) / (std::string(role) + ".lock");
  auto beside = database_file(in, role); // another data folder may name the same file
  beside += ".lock";
  return beside;
}

std::filesystem::path admin_key_file(const config& in) {
  return std::filesystem::path(in.data.dir) / "admin.key";
}

bool is_loopback(std::string_view address) noexcept {
  if (address == "localhost" || address == "::1") return true;
  char text[INET_ADDRSTRLEN] = {};
  if (address.size() >= sizeof text) return false;
  address.copy(text, address.size());
  in_addr parsed{};
  return inet_pton(AF_INET, text, &parsed) == 1 && (ntohl(parsed.s_addr) >> 24) == 127;
}

} // namespace troupe
