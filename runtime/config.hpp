#pragma once

#include "messages/base/limits.hpp"
#include "messages/base/values.hpp"

#include <algorithm>
#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// Everything that can be set, as one described tree: `http.address` in troupe.toml is
/// TROUPE_HTTP_ADDRESS in the environment. config_loader.hpp fills it and keeps where each value
/// came from; config_keys.cpp has the bounds, the help text and the other names of a key.
namespace troupe {
namespace settings {

using std::chrono::milliseconds;

struct http {
  std::string address = "127.0.0.1:8000"; ///< ADDR:PORT; [::1]:8000 for IPv6; port 0 picks one
  std::uint32_t threads = 1;              ///< I/O threads, 1 to 64
  std::uint64_t body_bytes = limits::body_bytes; ///< the largest body taken, 1 KiB to 1 GiB
  std::uint64_t held_bytes = 256u << 20;         ///< of large bodies in all, past it 503
  std::uint32_t connections_max = 4096;      ///< past it new connections get 503, 1 to 1,000,000
  std::uint32_t connections_per_address = 0; ///< the same for one address, with 429; 0: no bound
  std::uint32_t requests_per_caller =
      128; ///< quick ones, at a time and of each thread, 1 to 1,000,000
  std::vector<std::string> trusted_proxies; ///< addresses and ranges that may name the client
  std::vector<std::string> cors_origins;    ///< whose pages may read answers; `*`: all
  std::string tls_certificate;              ///< PEM file, read again when it changes; empty: no TLS
  std::string tls_key;                      ///< PEM file of its key
};
BOOST_DESCRIBE_STRUCT(http, (),
                      (address, threads, body_bytes, held_bytes, connections_max,
                       connections_per_address, requests_per_caller, trusted_proxies, cors_origins,
                       tls_certificate, tls_key))

struct data {
  std::string dir = "data"; ///< the embedded stores, the lock files and admin.key
};
BOOST_DESCRIBE_STRUCT(data, (), (dir))

struct bus {
  std::vector<std::string> join; ///< brokers to link to, tcp://ADDR:PORT
  std::string bind;              ///< where a broker listens, tcp://127.0.0.1:7700
  std::string key; ///< file with this node's secret key; empty: links are not encrypted
  std::vector<std::string> broker_key; ///< public keys of the brokers, or files with them
  std::string allow; ///< a broker's list of who may do what; read again when it changes
};
BOOST_DESCRIBE_STRUCT(bus, (), (join, bind, key, broker_key, allow))

struct chat {
  std::string default_model = "extract"; ///< for /v1/chat/stream without a model
  std::string openai_base_url;           ///< the provider, /v1 included; empty: no provider
  secret openai_api_key;
  milliseconds first_byte_timeout{60'000}; ///< until the provider's status
  milliseconds stall_timeout{60'000};      ///< between two pieces of a provider's stream
  std::vector<std::string> prices;         ///< `MODEL=INPUT/OUTPUT`, dollars a million tokens
  std::string retrieval = "on"; ///< off: another process with this role has files and stores
};
BOOST_DESCRIBE_STRUCT(chat, (),
                      (default_model, openai_base_url, openai_api_key, first_byte_timeout,
                       stall_timeout, prices, retrieval))

struct auth {
  std::string signup = "auto";            ///< auto (open on loopback only), open, closed
  secret jwt_secret;                      ///< when set, access tokens are HS256 under it
  std::string signing = "EdDSA";          ///< of new signing keys: EdDSA, ES256 or RS256
  std::string anonymous = "off";          ///< on, off: accounts without e-mail and password
  std::string confirm_email = "auto";     ///< auto (when mails are sent), on, off
  std::string public_url;                 ///< where clients reach this server; empty: mail.site_url
  std::vector<std::string> redirect_urls; ///< where a sign-in may lead a browser
  milliseconds mail_token_ttl = limits::mail_token_ttl; ///< of links and codes in mails
  milliseconds mail_pause = limits::mail_pause;         ///< between mails of a kind to an account
  std::uint32_t failures_per_account = 10; ///< wrong passwords in 15 minutes; 0: no limit
  std::uint32_t tries_per_address = 30;    ///< sign-ins and sign-ups in 5 minutes; 0: no limit
};
BOOST_DESCRIBE_STRUCT(auth, (),
                      (signup, jwt_secret, signing, anonymous, confirm_email, public_url,
                       redirect_urls, mail_token_ttl, mail_pause, failures_per_account,
                       tries_per_address))

/// What those may use who have no caps of their own (PUT /v1/admin/caps/…); 0: no cap.
struct caps {
  std::uint64_t user_requests_per_minute = 0;
  std::uint64_t user_tokens_per_minute = 0;
  std::uint32_t user_streams = 0;                ///< at the same time
  std::uint32_t user_usd_per_day = 0;            ///< whole dollars
  std::uint32_t address_requests_per_minute = 0; ///< with a credential, of one client address
  /// Who counts: redis, sql, nodes (those of the role auth, among themselves), or auto.
  std::string store = "auto";
};
BOOST_DESCRIBE_STRUCT(caps, (),
                      (user_requests_per_minute, user_tokens_per_minute, user_streams,
                       user_usd_per_day, address_requests_per_minute, store))

struct sqlite {
  std::string path; ///< auth's file, the others lie beside it; empty: <data.dir>/auth.db
};
BOOST_DESCRIBE_STRUCT(sqlite, (), (path))

/// A store that this version has no adapter for: setting it is an error at the start.
struct store {
  secret url;
};
BOOST_DESCRIBE_STRUCT(store, (), (url))

struct mail {
  secret smtp_url;                   ///< smtp://user:password@host:587; empty: no mails are sent
  std::string starttls = "required"; ///< required, optional, none
  std::string from;                  ///< `address` or `Name <address>`
  std::string site_url;              ///< where the links in mails lead, https://app.example.com
  std::string templates;             ///< folder of texts in the place of the built-in ones
};
BOOST_DESCRIBE_STRUCT(mail, (), (smtp_url, starttls, from, site_url, templates))

struct drain {
  milliseconds delay{0}; ///< from SIGTERM on an edge takes connections still, and is not ready
  milliseconds timeout{20'000}; ///< what running work gets after that
};
BOOST_DESCRIBE_STRUCT(drain, (), (delay, timeout))

struct log {
  std::string level = "info"; ///< debug, info, warn, error
};
BOOST_DESCRIBE_STRUCT(log, (), (level))

/// Half of the cores, at least one: the rest belongs to HTTP, the bus, the provider's connections
/// and the stores. On two cores a second thread only wakes the other core for each hop (measured:
/// as six processes 8,300 requests/s with one, 6,400 with two).
[[nodiscard]] inline std::uint32_t default_actor_threads() {
  return std::max(1u, std::thread::hardware_concurrency() / 2);
}

struct actors {
  std::uint32_t threads = default_actor_threads(); ///< of the actor scheduler, 1 to 64
};
BOOST_DESCRIBE_STRUCT(actors, (), (threads))

struct loop {
  /// How long the thread of a lone process or of a broker looks for news before it sleeps, 0 to
  /// 10,000.
  std::uint32_t spin_us = 500;
};
BOOST_DESCRIBE_STRUCT(loop, (), (spin_us))

struct flight {
  /// File of a broker's flight recorder; empty: `flight-<roles>.bin` in data.dir when that folder
  /// is there; `off`: none.
  std::string recorder;
};
BOOST_DESCRIBE_STRUCT(flight, (), (recorder))

/// Another issuer whose tokens are taken as credentials, and at which people may sign in:
/// `[issuers.<name>]`. docs/issuers.md says
/// how they go together.
struct token_issuer {
  std::string kind = "oidc";           ///< oidc, cognito, supabase
  std::string issuer;                  ///< what `iss` is, byte for byte
  std::vector<std::string> audience;   ///< what `aud` may be, or a Cognito token's `client_id`
  std::vector<std::string> token_use;  ///< of a Cognito token: id, access; empty: either
  std::string jwks_url;                ///< empty: where the kind has it, or by discovery
  secret jwt_secret;                   ///< 32 bytes or more: HS256 tokens are taken as well
  std::vector<std::string> algorithms; ///< empty: HS256 with a secret, else all with public keys
  bool create_accounts = true;         ///< at the first token of somebody unknown
  std::string role = "user";           ///< of such accounts: user or viewer
  bool require_email_verified = false; ///< at the first token
  bool link_by_email = false; ///< to an account that has this e-mail already, verified by both
  std::string client_id;      ///< people sign in there; empty: its tokens are taken, no more
  secret client_secret;       ///< empty: a public client
  std::vector<std::string> scopes{"openid", "email", "profile"}; ///< asked for at the sign-in
};
BOOST_DESCRIBE_STRUCT(token_issuer, (),
                      (kind, issuer, audience, token_use, jwks_url, jwt_secret, algorithms,
                       create_accounts, role, require_email_verified, link_by_email, client_id,
                       client_secret, scopes))

} // namespace settings

struct config {
  settings::http http;
  settings::data data;
  std::vector<std::string> roles{"all"}; ///< edge, auth, prompt, log, router, broker, or all
  settings::bus bus;
  settings::chat chat;
  settings::auth auth;
  settings::caps caps;
  std::map<std::string, settings::token_issuer> issuers; ///< by name, at most limits::issuers
  settings::sqlite sqlite;
  settings::store database;
  settings::store redis;
  settings::store qdrant;
  settings::store mongodb;
  settings::mail mail;
  settings::drain drain;
  settings::log log;
  settings::actors actors;
  settings::loop loop;
  settings::flight flight;

  /// Whether http.address was set by anyone but the default: a node without edge listens only then.
  bool http_given = false;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (http, data, roles, bus, chat, auth, caps, issuers, sqlite, database, redis,
                       qdrant, mongodb, mail, drain, log, actors, loop, flight))

/// The roles, in the order in which they start. `all` stands for every one but `broker`: one
/// process needs none.
inline constexpr std::string_view role_names[] = {"broker", "auth",   "log",
                                                  "prompt", "router", "edge"};

/// ADDR:PORT, split. The address has lost the brackets of an IPv6 literal.
struct endpoint {
  std::string address;
  std::uint16_t port = 0;
};

/// Whether this node has the role; `all` has every role but `broker`.
[[nodiscard]] bool has_role(const config& in, std::string_view role) noexcept;

/// Whether the roles are all in this process, so that nothing opens a ZeroMQ socket.
[[nodiscard]] bool is_single_process(const config& in) noexcept;

/// Whether this node listens for HTTP: an edge, or a node that was given http.address.
[[nodiscard]] bool wants_http(const config& in) noexcept;

/// The brokers that this node links to: bus.join, or its own bus.bind when it is a broker with
/// other roles beside; empty in a single process and in a node that is a broker and nothing else.
[[nodiscard]] std::vector<std::string> broker_links(const config& in);

/// http.address, split. Only for a config that load_config() accepted.
[[nodiscard]] endpoint http_endpoint(const config& in);

/// Whether the accounts lie on a server: then any number of auth processes may share them.
[[nodiscard]] inline bool has_sql_server(const config& in) {
  return !in.database.url.value.empty();
}

/// What keeps the counters of limits.
enum class limit_keeper : std::uint8_t { memory, redis, sql, nodes };
/// caps.store, where `auto` means redis.url if it is set, else the nodes of the role auth if they
/// share a SQL server and are linked to each other, else that server, else this process's memory.
[[nodiscard]] limit_keeper limit_keeper_of(const config& in);

/// Whether the role prompt of this node has the files and vector stores, too.
[[nodiscard]] inline bool has_retrieval(const config& in) {
  return in.chat.retrieval == "on";
}

/// Whether this node lets anyone register: auth.signup, where `auto` means "http.address is
/// loopback". Asked by the edge and by auth; both must agree.
[[nodiscard]] bool signup_is_open(const config& in);

/// Whether nobody signs in with a password before they confirmed their e-mail: auth.confirm_email,
/// where `auto` means "mails are sent".
[[nodiscard]] bool confirms_email(const config& in);

/// The database file of a role: sqlite.path for `auth`, `<name>.db` beside it for the others;
/// <data.dir>/<name>.db when sqlite.path is empty.
[[nodiscard]] std::filesystem::path database_file(const config& in, std::string_view name);

/// <data.dir>/<role>.lock
[[nodiscard]] std::filesystem::path role_lock_file(const config& in, std::string_view role);

/// <data.dir>/admin.key
[[nodiscard]] std::filesystem::path admin_key_file(const config& in);

/// 127.0.0.0/8, ::1 and `localhost`; ADDR as in `endpoint`.
[[nodiscard]] bool is_loopback(std::string_view address) noexcept;

/// `ADDR:PORT` or `[ADDR]:PORT`, split; nothing when it is neither. ADDR may be a name.
[[nodiscard]] std::optional<endpoint> parse_endpoint(std::string_view text);

} // namespace troupe
