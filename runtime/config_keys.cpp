#include "runtime/config_keys.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace troupe {
namespace {

constexpr std::uint64_t second = 1000;
constexpr std::uint64_t hour = 3600 * second;

constexpr key_info keys[] = {
    {.key = "http.address",
     .help = "where HTTP is served",
     .flag = "--http",
     .form = shape::listen},
    {.key = "http.threads", .help = "threads that serve HTTP", .least = 1, .most = 64},
    {.key = "http.body_bytes", .help = "largest body taken", .least = 1024, .most = 1ull << 30},
    {.key = "http.held_bytes",
     .help = "bytes of large bodies held in all; past it 503",
     .least = 1u << 20,
     .most = 1ull << 40},
    {.key = "http.connections_max", .help = "connections at a time", .least = 1, .most = 1'000'000},
    {.key = "http.connections_per_address",
     .help = "connections at a time of one address; 0: no bound",
     .most = 1'000'000},
    {.key = "http.requests_per_caller",
     .help = "quick requests of one caller that a thread works on at a time; more wait",
     .least = 1,
     .most = 1'000'000},
    {.key = "http.trusted_proxies",
     .help = "proxies whose X-Forwarded-For or Forwarded names the client",
     .form = shape::ip_range},
    {.key = "http.cors_origins",
     .help = "origins whose pages may read answers",
     .form = shape::origin},
    {.key = "http.tls_certificate", .help = "certificate chain (PEM) for HTTPS"},
    {.key = "http.tls_key", .help = "its private key (PEM)"},
    {.key = "data.dir",
     .help = "folder of the embedded stores",
     .aliases = "TROUPE_DATA",
     .flag = "--data",
     .form = shape::folder},
    {.key = "roles",
     .help = "what this node is",
     .flag = "--roles",
     .form = shape::choice,
     .choices = "all edge auth prompt log router broker"},
    {.key = "bus.join", .help = "brokers to link to", .flag = "--join", .form = shape::bus_address},
    {.key = "bus.bind",
     .help = "where a broker listens",
     .flag = "--bind",
     .form = shape::bus_address},
    {.key = "bus.key", .help = "file with this node's secret key: links are encrypted"},
    {.key = "bus.broker_key", .help = "public keys of the brokers, or files with them"},
    {.key = "bus.allow", .help = "a broker's file of who may link and do what"},
    {.key = "chat.default_model", .help = "model when a chat names none", .form = shape::word},
    {.key = "chat.openai_base_url",
     .help = "the model provider",
     .aliases = "OPENAI_BASE_URL",
     .form = shape::base_url},
    {.key = "chat.openai_api_key", .help = "the provider's key", .aliases = "OPENAI_API_KEY"},
    {.key = "chat.first_byte_timeout",
     .help = "wait for a provider's status",
     .least = 10,
     .most = hour},
    {.key = "chat.stall_timeout",
     .help = "longest silence in a provider's stream",
     .least = 10,
     .most = hour},
    {.key = "chat.prices",
     .help = "what models cost: MODEL=INPUT/OUTPUT in dollars a million tokens",
     .form = shape::price},
    {.key = "chat.retrieval",
     .help = "off: another prompt process on this data folder has the files and vector stores",
     .form = shape::choice,
     .choices = "on off"},
    {.key = "auth.signup",
     .help = "who may register",
     .form = shape::choice,
     .choices = "auto open closed"},
    {.key = "auth.jwt_secret",
     .help = "HS256 key of access tokens",
     .aliases = "JWT_SECRET SECRET_KEY"},
    {.key = "auth.signing",
     .help = "algorithm of access tokens without jwt_secret",
     .form = shape::choice,
     .choices = "EdDSA ES256 RS256"},
    {.key = "auth.anonymous",
     .help = "accounts without e-mail and password, where sign-up is open",
     .form = shape::choice,
     .choices = "off on"},
    {.key = "auth.confirm_email",
     .help = "whether an e-mail is confirmed before the first sign-in",
     .form = shape::choice,
     .choices = "auto on off"},
    {.key = "auth.public_url",
     .help = "where clients reach this server, for links in mails",
     .form = shape::base_url},
    {.key = "auth.redirect_urls",
     .help = "where a sign-in may lead a browser beside mail.site_url",
     .form = shape::redirect},
    {.key = "auth.mail_token_ttl",
     .help = "how long a link or code in a mail counts",
     .least = 60 * second,
     .most = 24 * hour},
    {.key = "auth.mail_pause",
     .help = "least time between mails of a kind to an account",
     .most = hour},
    {.key = "auth.failures_per_account",
     .help = "wrong passwords of an account in 15 minutes; 0: no limit",
     .most = 1'000'000},
    {.key = "auth.tries_per_address",
     .help = "sign-ins and sign-ups of an address in 5 minutes; 0: no limit",
     .most = 1'000'000},
    {.key = "caps.user_requests_per_minute",
     .help = "of users without caps of their own; 0: no cap, as below",
     .most = 1ull << 50},
    {.key = "caps.user_tokens_per_minute",
     .help = "tokens of chats and embeddings, likewise",
     .most = 1ull << 50},
    {.key = "caps.user_streams", .help = "streams at the same time, likewise", .most = 1'000'000},
    {.key = "caps.user_usd_per_day",
     .help = "dollars a day at chat.prices, likewise",
     .most = 1'000'000},
    {.key = "caps.address_requests_per_minute",
     .help = "requests of one client address; 0: no cap",
     .most = 1ull << 31},
    {.key = "caps.store",
     .help = "what counts: redis, sql, or the nodes of the role auth among themselves",
     .form = shape::choice,
     .choices = "auto redis sql nodes"},
    {.key = "issuers.*.kind",
     .help = "what serves its tokens",
     .form = shape::choice,
     .choices = "oidc cognito supabase"},
    {.key = "issuers.*.issuer", .help = "what iss is in its tokens", .form = shape::base_url},
    {.key = "issuers.*.audience", .help = "client ids or aud that its tokens are for"},
    {.key = "issuers.*.token_use",
     .help = "Cognito: which tokens are taken",
     .form = shape::choice,
     .choices = "id access"},
    {.key = "issuers.*.jwks_url", .help = "where its keys are", .form = shape::base_url},
    {.key = "issuers.*.jwt_secret", .help = "key of its HS256 tokens"},
    {.key = "issuers.*.algorithms",
     .help = "signatures that are taken",
     .form = shape::choice,
     .choices = "EdDSA ES256 ES384 RS256 RS384 RS512 PS256 HS256"},
    {.key = "issuers.*.create_accounts", .help = "whether somebody unknown gets an account"},
    {.key = "issuers.*.role",
     .help = "role of such accounts",
     .form = shape::choice,
     .choices = "user viewer"},
    {.key = "issuers.*.require_email_verified",
     .help = "whether somebody unknown needs a verified e-mail"},
    {.key = "issuers.*.link_by_email",
     .help = "whether a verified e-mail leads to the account that has it"},
    {.key = "issuers.*.client_id",
     .help = "Troupe's client id there: people sign in at it (/auth/v1/authorize)"},
    {.key = "issuers.*.client_secret", .help = "secret of that client; none: a public one"},
    {.key = "issuers.*.scopes", .help = "asked for at the sign-in"},
    {.key = "sqlite.path",
     .help = "auth's database; the others lie beside it",
     .aliases = "SQLITE_PATH"},
    {.key = "database.url", .help = "SQL server of the accounts", .aliases = "DATABASE_URL"},
    {.key = "redis.url",
     .help = "Redis that all auth processes share: limits, who is signed in",
     .aliases = "REDIS_URL"},
    {.key = "qdrant.url", .help = "Qdrant (not in this version)", .aliases = "QDRANT_URL"},
    {.key = "mongodb.url", .help = "MongoDB (not in this version)", .aliases = "MONGODB_URL"},
    {.key = "mail.smtp_url", .help = "mail server; without it no mails are sent"},
    {.key = "mail.starttls",
     .help = "whether an smtp:// connection must turn to TLS",
     .form = shape::choice,
     .choices = "required optional none"},
    {.key = "mail.from", .help = "sender of mails, an address or Name <address>"},
    {.key = "mail.site_url", .help = "where the links in mails lead", .form = shape::base_url},
    {.key = "mail.templates", .help = "folder of texts in the place of the built-in ones"},
    {.key = "drain.delay",
     .help = "time for which an edge still takes connections after SIGTERM, while /ready says 503",
     .most = hour},
    {.key = "drain.timeout", .help = "time that running work gets after that", .most = hour},
    {.key = "log.level",
     .help = "least level of the program's own log",
     .aliases = "LOG_LEVEL",
     .form = shape::log_level},
    {.key = "actors.threads", .help = "threads of the actors", .least = 1, .most = 64},
    {.key = "loop.spin_us",
     .help = "microseconds that a lone process or a broker looks for news before it sleeps",
     .most = 10'000},
    {.key = "flight.recorder",
     .help = "file of a broker's flight recorder, or off (flight-ROLES.bin in data.dir)"},
};

/// Levenshtein's distance; both words are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// The key as the table has it: `issuers.acme.kind` is `issuers.*.kind`.
std::string pattern_of(std::string_view key) {
  const auto name = section_name(key);
  std::string out(key);
  if (!name.empty())
    out.replace(static_cast<std::size_t>(name.data() - key.data()), name.size(), "*");
  return out;
}

} // namespace

std::span<const key_info> all_keys() noexcept {
  return keys;
}

std::string_view section_name(std::string_view key) noexcept {
  constexpr std::string_view sections = "issuers.";
  const auto end = key.rfind('.');
  if (!key.starts_with(sections) || end < sections.size()) return {};
  return key.substr(sections.size(), end - sections.size());
}

const key_info* find_key(std::string_view key) noexcept {
  const auto* found = std::ranges::find(keys, pattern_of(key), &key_info::key);
  return found == std::end(keys) ? nullptr : found;
}

std::string variable_of(std::string_view key) {
  std::string name = "TROUPE_";
  for (const char c : key) {
    name += c == '.' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

std::optional<std::string> named_key_of(std::string_view variable) {
  std::optional<std::string> found;
  std::size_t longest = 0; // JWKS_URL would win over a field URL
  for (const auto& info : keys) {
    if (!is_pattern(info.key)) continue;
    const auto pattern = variable_of(info.key);
    const auto star = pattern.find('*');
    const auto before = pattern.substr(0, star), after = pattern.substr(star + 1);
    if (variable.size() <= before.size() + after.size() || after.size() < longest) continue;
    if (!variable.starts_with(before) || !variable.ends_with(after)) continue;
    std::string name(
        variable.substr(before.size(), variable.size() - before.size() - after.size()));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    found = std::string(info.key).replace(info.key.find('*'), 1, name);
    longest = after.size();
  }
  return found;
}

std::string nearest_key(std::string_view wrong) {
  if (wrong.size() > 64) return {};
  const auto pattern = pattern_of(wrong);
  const auto near = [&](const key_info& k) { return distance(pattern, k.key); };
  const auto* best = std::ranges::min_element(keys, {}, near);
  if (near(*best) > 1 + pattern.size() / 4) return {};
  std::string found(best->key);
  if (const auto star = found.find('*'); star != found.npos && !section_name(wrong).empty())
    found.replace(star, 1, section_name(wrong));
  return found;
}

} // namespace troupe
