#include "runtime/config_loader.hpp"

#include "messages/base/limits.hpp"
#include "runtime/config_file.hpp"
#include "runtime/config_keys.hpp"
#include "runtime/config_value.hpp"
#include "runtime/log_spdlog.hpp"

#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <ranges>

namespace troupe {
namespace {

/// Fills the tree layer by layer; a later value replaces an earlier one and its origin.
class merger {
public:
  result<void> set(const std::string& key, const raw_value& value, const std::string& origin) {
    const key_info* info = find_key(key);
    if (info == nullptr) return unknown(key, origin);
    if (is_pattern(info->key))
      if (auto done = make_section(key, origin); !done) return done;
    result<void> outcome;
    for_each_setting(values_, [&](const std::string& name, auto& member) {
      if (name != key) return;
      if (auto done = assign(member, value, *info); !done) {
        outcome = fail(errc::invalid_argument, origin + ": " + key + ' ' + done.error(), key);
      }
    });
    if (outcome) origins_[key] = origin;
    return outcome;
  }

  config& values() noexcept { return values_; }
  std::string& origin(const std::string& key) { return origins_[key]; }
  bool given(const std::string& key) const { return origins_.contains(key); }
  void forget(const std::string& key) { origins_.erase(key); }

  std::vector<setting_view> views() const {
    std::vector<setting_view> out;
    for_each_setting(values_, [&](const std::string& key, const auto& member) {
      const auto at = origins_.find(key);
      const key_info* info = find_key(key);
      out.push_back({key, show(member), at == origins_.end() ? "default" : at->second,
                     std::string(info != nullptr ? info->help : "")});
    });
    return out;
  }

private:
  /// The section exists from its first key on.
  result<void> make_section(const std::string& key, const std::string& origin) {
    const std::string name(section_name(key));
    const bool plain = std::ranges::all_of(name, [](unsigned char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    // The ways to sign in that are no issuers have these names.
    const bool is_taken = name == "email" || name == "phone" || name == "anonymous_users";
    if (!plain || name.size() > limits::issuer_name_bytes || is_taken)
      return fail(errc::invalid_argument,
                  origin + ": " + key + ": a name has at most " +
                      std::to_string(limits::issuer_name_bytes) +
                      " of a-z, 0-9, - and _, and is not email, phone or anonymous_users",
                  key);
    values_.issuers.try_emplace(name);
    if (values_.issuers.size() <= limits::issuers) return {};
    return fail(
        errc::invalid_argument,
        origin + ": " + key + ": there are at most " + std::to_string(limits::issuers) + " issuers",
        key);
  }

  static result<void> unknown(const std::string& key, const std::string& origin) {
    std::string message = origin + ": there is no setting " + key;
    if (const auto near = nearest_key(key); !near.empty()) {
      message += " (did you mean " + std::string(near) + "?)";
    }
    return fail(errc::invalid_argument, std::move(message), key);
  }

  config values_;
  std::map<std::string, std::string> origins_;
};

const std::string* find_variable(const environment& variables, const std::string& name) {
  const auto at = variables.find(name);
  return at == variables.end() || at->second.empty() ? nullptr : &at->second;
}

result<void> merge_file(merger& into, const config_sources& from) {
  auto file = from.folder / "troupe.toml";
  if (from.file) {
    file = *from.file;
  } else if (std::error_code ignored; !std::filesystem::exists(file, ignored)) {
    return {};
  }
  auto settings = read_config_file(file);
  if (!settings) return std::unexpected(settings.error());
  for (const auto& setting : *settings) {
    if (auto done = into.set(setting.key, setting.value, setting.where); !done) return done;
  }
  return {};
}

/// A container platform sets variables of its own for a service named like a section, for example
/// TROUPE_AUTH_SERVICE_HOST and TROUPE_LOG_PORT_7700_TCP: those are nobody's typing mistake.
bool is_platform_variable(std::string_view name) {
  return name.contains("_SERVICE_") || name.ends_with("_PORT") || name.contains("_PORT_");
}

/// TROUPE_<SECTION>_… that no key has: most likely a typing mistake that would pass in silence.
result<void> check_unknown_variables(const environment& variables) {
  for (const auto& [name, value] : variables) {
    if (!name.starts_with("TROUPE_") || value.empty() || is_platform_variable(name)) continue;
    const bool ours = std::ranges::any_of(all_keys(), [&](const key_info& k) {
      const auto dot = k.key.find('.');
      return dot != k.key.npos && name.starts_with(variable_of(k.key.substr(0, dot + 1)));
    });
    const bool known =
        named_key_of(name) || std::ranges::any_of(all_keys(), [&](const key_info& k) {
          return variable_of(k.key) == name;
        });
    if (!ours || known) continue;
    std::string key = name.substr(7);
    std::ranges::transform(key, key.begin(), [](unsigned char c) { return std::tolower(c); });
    key[key.find('_')] = '.';
    std::string message = name + ": there is no setting " + key;
    if (const auto near = nearest_key(key); !near.empty())
      message += " (did you mean " + variable_of(near) + "?)";
    return fail(errc::invalid_argument, std::move(message), key);
  }
  return {};
}

/// APP_PORT sets the port and leaves the address that a weaker source gave.
result<void> merge_app_port(merger& into, const environment& variables) {
  const auto* port = find_variable(variables, "APP_PORT");
  if (port == nullptr || find_variable(variables, "TROUPE_HTTP_ADDRESS") != nullptr) return {};
  const bool digits = std::ranges::all_of(*port, [](unsigned char c) { return std::isdigit(c); });
  if (!digits || port->size() > 5 || std::stoul(*port) > 65535) {
    return fail(errc::invalid_argument,
                "APP_PORT: http.address wants a port from 0 to 65535, not \"" + *port + '"',
                "http.address");
  }
  const std::string before = into.values().http.address;
  return into.set("http.address", raw_value::text(before.substr(0, before.rfind(':') + 1) + *port),
                  "APP_PORT");
}

result<void> merge_environment(merger& into, const environment& variables) {
  if (auto done = check_unknown_variables(variables); !done) return done;
  if (auto done = merge_app_port(into, variables); !done) return done;
  for (const auto& [name, text] : variables) {
    const auto key = text.empty() ? std::nullopt : named_key_of(name);
    if (!key) continue;
    if (auto done = into.set(*key, raw_value::text(text), name); !done) return done;
  }
  for (const auto& key : all_keys()) {
    // The first of these that is set counts: our own name, then the names of existing deployments.
    std::string names = variable_of(key.key) + ' ' + std::string(key.aliases);
    for (const auto part : std::views::split(names, ' ')) {
      const std::string name(part.begin(), part.end());
      const auto* text = name.empty() ? nullptr : find_variable(variables, name);
      if (text == nullptr) continue;
      auto done = into.set(std::string(key.key), raw_value::text(*text), name);
      if (!done) return done;
      break;
    }
  }
  return {};
}

/// Flags of a list (`--join a --join b`) add up to one value.
result<void> merge_flags(merger& into, const config_sources& from) {
  std::map<std::string, std::string> joined;
  for (const auto& [key, text] : from.flags) {
    auto [at, is_new] = joined.try_emplace(key, text);
    if (!is_new) at->second += ',' + text;
  }
  for (const auto& [key, text] : joined) {
    const key_info* info = find_key(key);
    const std::string origin(info != nullptr && !info->flag.empty() ? info->flag : "command line");
    if (auto done = into.set(key, raw_value::text(text), origin); !done) return done;
  }
  return {};
}

/// DATABASE_URL=sqlite:///file is SQLITE_PATH by another name. As in SQLAlchemy, three slashes
/// begin a relative path and four an absolute one.
result<void> adopt_sqlite_url(merger& into) {
  const std::string url = into.values().database.url.value;
  const auto after = url.find(":///");
  if (!url.starts_with("sqlite") || after == std::string::npos) return {};
  const std::string path = url.substr(after + 4);
  const std::string origin = into.origin("database.url");
  if (path.empty() || path == ":memory:") {
    return fail(errc::invalid_argument, origin + ": database.url wants a file after sqlite:///",
                "database.url");
  }
  if (into.given("sqlite.path") && into.values().sqlite.path != path) {
    return fail(errc::invalid_argument,
                origin + ": database.url names another file than sqlite.path (" +
                    into.origin("sqlite.path") + ") does; set one of them",
                "database.url");
  }
  into.values().database.url.value.clear();
  into.forget("database.url");
  return into.set("sqlite.path", raw_value::text(path), origin);
}

/// What follows from the values together, once all sources are in.
result<void> complete(merger& into) {
  config& all = into.values();
  if (!all.chat.openai_api_key.value.empty() && all.chat.openai_base_url.empty()) {
    all.chat.openai_base_url = "https://api.openai.com/v1";
    into.origin("chat.openai_base_url") =
        "because " + into.origin("chat.openai_api_key") + " is set";
  }
  while (all.chat.openai_base_url.ends_with('/')) all.chat.openai_base_url.pop_back();
  if (const auto level = parse_log_level(all.log.level)) {
    constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
    all.log.level = names[static_cast<std::size_t>(*level)];
  }
  std::vector<std::string> roles;
  for (const auto& role : all.roles) {
    if (std::ranges::find(roles, role) == roles.end()) roles.push_back(role);
  }
  all.roles = std::move(roles);
  all.http_given = into.given("http.address");
  return adopt_sqlite_url(into);
}

std::vector<std::string> notes_on(const config& all) {
  std::vector<std::string> notes;
  const auto size = all.auth.jwt_secret.value.size();
  if (size != 0 && size < 32) {
    notes.push_back("auth.jwt_secret has " + std::to_string(size) +
                    " bytes; HS256 wants at least 32 random ones");
  }
  for (const auto& [name, issuer] : all.issuers)
    if (issuer.issuer.starts_with("http://") || issuer.jwks_url.starts_with("http://"))
      notes.push_back("issuers." + name +
                      ": its keys come over plain http, where others may change them on the way");
  return notes;
}

} // namespace

environment process_environment() {
  environment out;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const auto equals = entry.find('=');
    if (equals == entry.npos) continue;
    out.try_emplace(std::string(entry.substr(0, equals)), entry.substr(equals + 1));
  }
  return out;
}

result<loaded_config> load_config(const config_sources& from) {
  merger all;
  if (auto done = merge_file(all, from); !done) return std::unexpected(done.error());
  if (auto done = merge_environment(all, from.variables); !done)
    return std::unexpected(done.error());
  if (auto done = merge_flags(all, from); !done) return std::unexpected(done.error());
  if (auto done = complete(all); !done) return std::unexpected(done.error());
  loaded_config out;
  out.settings = all.views();
  out.notes = notes_on(all.values());
  out.values = std::move(all.values());
  return out;
}

} // namespace troupe
