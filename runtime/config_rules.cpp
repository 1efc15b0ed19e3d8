#include "adapters/redis/redis_stores.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "messages/base/ip_address.hpp"
#include "messages/base/limits.hpp"
#include "runtime/config_loader.hpp"
#include "runtime/issuer_settings.hpp"
#include "runtime/mail_settings.hpp"

#include <algorithm>

/// check_servable(): which settings go together.
namespace troupe {
namespace {

std::string origin_of(const loaded_config& in, std::string_view key) {
  const auto at = std::ranges::find(in.settings, key, &setting_view::key);
  return at == in.settings.end() ? "default" : at->origin;
}

/// `roles (--roles)`, `bus.bind (troupe.toml:4)`
std::string named(const loaded_config& in, const std::string& key) {
  return key + " (" + origin_of(in, key) + ')';
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

/// The host of tcp://ADDR:PORT.
std::string bus_host(const std::string& address) {
  constexpr std::string_view scheme = "tcp://";
  const auto parsed = parse_endpoint(std::string_view(address).substr(scheme.size()));
  return parsed ? parsed->address : std::string();
}

result<void> needs(const loaded_config& in, const std::string& given, const std::string& missing,
                   const std::string& what) {
  return fail(errc::invalid_argument,
              named(in, given) + ": " + what + " needs " + missing + " as well", missing);
}

/// Addresses of other machines are reached over encrypted links only.
result<void> check_is_local(const loaded_config& in, const std::string& key,
                            const std::string& address, const std::string& fix) {
  if (is_loopback(bus_host(address))) return {};
  return fail(errc::invalid_argument,
              named(in, key) + ": " + address +
                  " is not a loopback address, so its links are encrypted: set " + fix +
                  " (`troupe keys generate` makes keys)",
              key);
}

result<void> check_broker_keys(const loaded_config& in) {
  const auto& bus = in.values.bus;
  if (!bus.key.empty() && bus.allow.empty())
    return needs(in, "bus.key", "bus.allow", "a broker with a key");
  if (bus.key.empty() && !bus.allow.empty())
    return needs(in, "bus.allow", "bus.key", "a broker with an allow-list");
  const auto host = bus_host(bus.bind);
  if (host != "*" && host != "localhost" && !parse_ip(host))
    return fail(errc::invalid_argument,
                named(in, "bus.bind") + ": " + bus.bind +
                    " names no address: a broker is bound to an IP address, or to * for all",
                "bus.bind");
  return bus.key.empty() ? check_is_local(in, "bus.bind", bus.bind, "bus.key and bus.allow")
                         : result<void>();
}

/// Of any node that links to brokers.
result<void> check_link_keys(const loaded_config& in) {
  const auto& bus = in.values.bus;
  if (!bus.key.empty()) return {};
  if (!bus.broker_key.empty()) return needs(in, "bus.broker_key", "bus.key", "an encrypted link");
  for (const auto& address : bus.join) {
    if (!parse_ip(bus_host(address))) continue; // what a name leads to is seen when it is resolved
    if (auto ok = check_is_local(in, "bus.join", address, "bus.key and bus.broker_key"); !ok)
      return ok;
  }
  return {};
}

result<void> check_node_keys(const loaded_config& in) {
  const auto& bus = in.values.bus;
  if (!bus.allow.empty())
    return fail(errc::invalid_argument,
                named(in, "bus.allow") + ": only a node with the role broker has an allow-list",
                "bus.allow");
  if (!bus.key.empty() && bus.broker_key.empty())
    return needs(in, "bus.key", "bus.broker_key", "an encrypted link");
  return {};
}

result<void> check_roles(const loaded_config& in) {
  const auto& roles = in.values.roles;
  const auto& bus = in.values.bus;
  const bool broker = has_role(in.values, "broker");
  const auto wrong = [&](std::string text, std::string key) {
    return fail(errc::invalid_argument, std::move(text), std::move(key));
  };
  if (roles.empty()) return wrong(named(in, "roles") + ": at least one role is wanted", "roles");
  if (is_single_process(in.values)) {
    if (roles.size() > 1) {
      return wrong(named(in, "roles") + ": all stands for every role and goes with no other",
                   "roles");
    }
    if (bus.join.empty() && bus.bind.empty()) return {};
    const std::string key = bus.join.empty() ? "bus.bind" : "bus.join";
    return wrong(named(in, key) +
                     ": with roles=all everything runs in this process and no broker is "
                     "used; leave it away, or name the roles of this node, as in "
                     "--roles edge,router",
                 key);
  }
  if (broker && bus.bind.empty()) {
    return wrong(named(in, "roles") + ": a broker needs --bind, as in --bind tcp://127.0.0.1:7700",
                 "bus.bind");
  }
  if (!broker && !bus.bind.empty()) {
    return wrong(named(in, "bus.bind") +
                     ": only a node with the role broker listens; this one is " + listed(roles),
                 "bus.bind");
  }
  if (!broker && bus.join.empty()) {
    return wrong(named(in, "roles") + ": " + listed(roles) +
                     " needs a broker to link to, as in --join tcp://127.0.0.1:7700",
                 "bus.join");
  }
  const auto has = [&](std::string_view role) { return has_role(in.values, role); };
  if (has("edge") && has("prompt") && !has("router"))
    return wrong(named(in, "roles") + ": edge and prompt in one process need router, too", "roles");
  if (in.values.http.body_bytes > limits::body_bytes) {
    return wrong(named(in, "http.body_bytes") + ": between processes a message carries at most " +
                     std::to_string(limits::body_bytes) + " bytes; only roles=all takes more",
                 "http.body_bytes");
  }
  if (auto ok = broker ? check_broker_keys(in) : check_node_keys(in); !ok) return ok;
  return check_link_keys(in);
}

/// `mysql` of `mysql://user:password@host/db`; the rest may hold a password.
std::string scheme_of(const std::string& url) {
  const auto at = url.find("://");
  return at == url.npos || at > 20 ? "another store" : url.substr(0, at) + "://…";
}

/// A member of smtp_config as a key.
std::string mail_key(const std::string& member) {
  if (member == "url") return "mail.smtp_url";
  return member == "tls" ? "mail.starttls" : "mail." + member;
}

result<void> check_mail(const loaded_config& in) {
  const auto& mail = in.values.mail;
  const auto wrong = [&](const std::string& key, const std::string& text) {
    return fail(errc::invalid_argument, named(in, key) + ": " + text, key);
  };
  if (!sends_mail(in.values)) {
    if (!mail.from.empty()) return wrong("mail.from", "needs mail.smtp_url beside it");
    if (!mail.templates.empty()) return wrong("mail.templates", "needs mail.smtp_url beside it");
    if (confirms_email(in.values))
      return wrong("auth.confirm_email", "on needs mail.smtp_url, for it takes a mail");
    return {};
  }
  if (auto fits = check_smtp_config(smtp_settings(in.values)); !fits)
    return wrong(mail_key(fits.error().param), fits.error().message);
  if (mail.site_url.empty())
    return wrong("mail.site_url", "is wanted, for it is where the links in mails lead");
  return {};
}

result<void> check_tls(const loaded_config& in) {
  const auto& http = in.values.http;
  if (http.tls_certificate.empty() == http.tls_key.empty()) return {};
  const bool no_key = http.tls_key.empty();
  const std::string given = no_key ? "http.tls_certificate" : "http.tls_key";
  const std::string missing = no_key ? "http.tls_key" : "http.tls_certificate";
  return fail(errc::invalid_argument, named(in, given) + ": HTTPS needs " + missing + " as well",
              missing);
}

result<void> check_sharing(const loaded_config& in) {
  const auto& wanted = in.values.caps.store;
  const auto needs = [&](const std::string& what) {
    return fail(errc::invalid_argument, named(in, "caps.store") + ": needs " + what, "caps.store");
  };
  if (!has_retrieval(in.values) && broker_links(in.values).empty())
    return fail(errc::invalid_argument,
                named(in, "chat.retrieval") +
                    ": off needs a broker, through which this process "
                    "reaches the one that has it (bus.join)",
                "chat.retrieval");
  if (!has_role(in.values, "auth")) return {};
  if (wanted == "redis" && in.values.redis.url.value.empty()) return needs("redis.url");
  if ((wanted == "sql" || wanted == "nodes") && !has_sql_server(in.values))
    return needs("database.url, which the nodes share");
  if (wanted == "nodes" && broker_links(in.values).empty())
    return needs("a broker, through which the nodes ask each other (bus.join)");
  return {};
}

} // namespace

result<void> check_stores(const loaded_config& in) {
  if (has_sql_server(in.values))
    if (auto ok = check_sql_url(in.values.database.url.value); !ok)
      return fail(errc::invalid_argument, named(in, "database.url") + ": " + ok.error().message,
                  "database.url");
  if (const auto& url = in.values.redis.url.value; !url.empty())
    if (auto ok = check_redis_url(url); !ok)
      return fail(errc::invalid_argument, named(in, "redis.url") + ": " + ok.error().message,
                  "redis.url");
  const std::pair<const char*, const settings::store&> stores[] = {
      {"qdrant.url", in.values.qdrant},
      {"mongodb.url", in.values.mongodb},
  };
  for (const auto& [key, store] : stores) {
    if (store.url.value.empty()) continue;
    return fail(errc::invalid_argument,
                named(in, key) + " names " + scheme_of(store.url.value) +
                    ": this version of troupe has no adapter for it; remove the setting to start",
                key);
  }
  return {};
}

result<void> check_servable(const loaded_config& loaded) {
  if (auto done = check_stores(loaded); !done) return done;
  if (auto done = check_sharing(loaded); !done) return done;
  if (auto done = check_tls(loaded); !done) return done;
  if (auto done = check_mail(loaded); !done) return done;
  if (auto done = check_issuers(loaded); !done) return done;
  return check_roles(loaded);
}

} // namespace troupe
