#include "runtime/cli/key.hpp"

#include "messages/codec/json.hpp"
#include "runtime/cli/api_client.hpp"
#include "runtime/cli/terminal.hpp"

#include <boost/json.hpp>
#include <cstdio>
#include <ctime>

namespace troupe::cli {
namespace {

namespace json = boost::json;

int report(const error& why) {
  std::fprintf(stderr, "troupe key: %s\n", printable(why.message).c_str());
  return why.code == errc::invalid_argument && why.status == 0 ? 2 : 1;
}

/// RFC 3339, UTC.
std::string show_time(std::int64_t unix_seconds) {
  const auto at = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  char text[32] = {};
  if (gmtime_r(&at, &parts) == nullptr) return "?";
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

json::object to_json(const api_key& key) {
  json::object out{
      {"id", key.id}, {"name", key.name}, {"hint", key.hint}, {"created_at", key.created_at}};
  out["scopes"] = json::array(key.scopes.begin(), key.scopes.end());
  if (key.expires_at != 0) out["expires_at"] = key.expires_at;
  if (key.last_used_at != 0) out["last_used_at"] = key.last_used_at;
  if (!key.key.empty()) out["key"] = key.key;
  return out;
}

/// The key alone goes to stdout, so that a script can take it from there.
int show_new(const result<api_key>& made, bool as_json) {
  if (!made) return report(made.error());
  if (as_json) {
    std::printf("%s\n", json::serialize(to_json(*made)).c_str());
    return 0;
  }
  std::printf("%s\n", printable(made->key).c_str());
  std::fprintf(stderr, "created %s (%s); the key is not shown again\n", printable(made->id).c_str(),
               printable(made->name).c_str());
  return 0;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out.empty() ? "all" : out;
}

} // namespace

int run_key_create(const key_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) return report(to.error());
  return show_new(api_client(*to).create_key({.name = options.name,
                                              .scopes = options.scopes,
                                              .expires_in = options.expires_in,
                                              .organization = options.organization,
                                              .user = options.user}),
                  options.json);
}

int run_key_rotate(const key_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) return report(to.error());
  return show_new(api_client(*to).rotate_key(options.id, options.overlap, options.user),
                  options.json);
}

int run_key_list(const key_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) return report(to.error());
  auto keys = api_client(*to).list_keys(options.user);
  if (!keys) return report(keys.error());
  if (options.json) {
    json::array all;
    for (const auto& key : *keys) all.push_back(to_json(key));
    std::printf("%s\n", json::serialize(all).c_str());
    return 0;
  }
  std::vector<std::vector<std::string>> rows{
      {"ID", "NAME", "KEY", "SCOPES", "CREATED", "EXPIRES", "LAST USED"}};
  for (const auto& key : *keys) {
    rows.push_back({printable(key.id), shortened(key.name, 40), printable(key.hint),
                    printable(joined(key.scopes)), show_time(key.created_at),
                    key.expires_at == 0 ? "never" : show_time(key.expires_at),
                    key.last_used_at == 0 ? "never" : show_time(key.last_used_at)});
  }
  print_table(stdout, rows);
  return 0;
}

int run_key_revoke(const key_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) return report(to.error());
  if (auto done = api_client(*to).revoke_key(options.id, options.user); !done)
    return report(done.error());
  std::printf("revoked %s\n", options.id.c_str());
  return 0;
}

int run_key_limit(const key_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) return report(to.error());
  api_client client(*to);
  auto caps = client.get_caps("key:" + options.id);
  if (!caps) return report(caps.error());
  put_caps_request wanted{
      caps->subject, options.requests_per_minute.value_or(caps->requests_per_minute),
      options.tokens_per_minute.value_or(caps->tokens_per_minute),
      options.streams.value_or(caps->streams), options.usd_per_day.value_or(caps->usd_per_day)};
  if (options.requests_per_minute || options.tokens_per_minute || options.streams ||
      options.usd_per_day) {
    caps = client.put_caps(wanted);
    if (!caps) return report(caps.error());
  }
  if (options.json) {
    std::printf("%s\n", troupe::json::encode(*caps).c_str());
    return 0;
  }
  const auto shown = [](auto value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.15g", static_cast<double>(value));
    return value > 0 ? std::string(text) : std::string("no cap");
  };
  print_table(stdout, {{"REQUESTS/MIN", "TOKENS/MIN", "STREAMS", "USD/DAY"},
                       {shown(caps->requests_per_minute), shown(caps->tokens_per_minute),
                        shown(caps->streams), shown(caps->usd_per_day)}});
  return 0;
}

} // namespace troupe::cli
