#include "adapters/sql/database.hpp"

#include <array>

/// The schemas, one text for SQLite, MySQL and PostgreSQL but for the words of dialect.hpp: keys
/// are varchar(n), numbers bigint and smallint, times text in RFC 3339 or Unix seconds. Steps are
/// only ever added once a release has gone out with them.
namespace troupe::sql {
namespace {

constexpr std::array<migration, 2> auth_steps{R"(
create table users (
  id varchar(36) not null primary key,
  email varchar(254) not null,
  email_key varchar(254) not null unique,
  name varchar(200) not null,
  password_hash varchar(255) not null,
  admin smallint not null,
  created_at varchar(40) not null);
create table sessions (
  id varchar(36) not null primary key,
  user_id varchar(36) not null,
  refresh_hash varchar(64) not null,
  rotated_at bigint not null,
  expires_at bigint not null,
  revoked smallint not null);
create index sessions_refresh on sessions (refresh_hash);
create table spent_tokens (
  hash varchar(64) not null primary key,
  session_id varchar(36) not null,
  spent_at bigint not null);
create table api_keys (
  id varchar(64) not null primary key,
  user_id varchar(36) not null,
  name varchar(200) not null,
  hash varchar(64) not null unique,
  hint varchar(32) not null,
  created_at bigint not null,
  revoked smallint not null);
create index api_keys_user on api_keys (user_id);
create table installation_secrets (
  name varchar(64) not null primary key,
  secret varchar(255) not null)
)",
                                              R"(
alter table users add column role varchar(16) not null default 'user';
alter table users add column anonymous smallint not null default 0;
alter table users add column updated_at varchar(40) not null default '';
alter table users add column last_sign_in_at varchar(40) not null default '';
alter table users add column email_confirmed_at varchar(40) not null default '';
alter table users add column banned_until varchar(40) not null default '';
alter table users add column app_metadata @long_text;
alter table users add column user_metadata @long_text;
update users set role = 'admin' where admin = 1;
update users set updated_at = created_at, email_confirmed_at = created_at;
create index users_created on users (created_at, id);
alter table sessions add column created_at bigint not null default 0;
alter table sessions add column method varchar(32) not null default 'password';
alter table sessions add column address varchar(64) not null default '';
alter table sessions add column user_agent varchar(255) not null default '';
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);
create index spent_tokens_session on spent_tokens (session_id);
alter table api_keys add column scopes varchar(500) not null default '';
alter table api_keys add column expires_at bigint not null default 0;
alter table api_keys add column last_used_at bigint not null default 0;
alter table api_keys add column organization varchar(64) not null default '';
create table identities (
  provider varchar(64) not null,
  subject varchar(255) not null,
  user_id varchar(36) not null,
  data @long_text not null,
  created_at varchar(40) not null,
  last_sign_in_at varchar(40) not null,
  primary key (provider, subject));
create index identities_user on identities (user_id);
create table organizations (
  id varchar(64) not null primary key,
  name varchar(200) not null,
  created_at bigint not null);
create table members (
  organization_id varchar(64) not null,
  user_id varchar(36) not null,
  role varchar(16) not null,
  created_at bigint not null,
  primary key (organization_id, user_id));
create index members_user on members (user_id);
create table one_time_tokens (
  hash varchar(64) not null primary key,
  kind varchar(32) not null,
  user_id varchar(36) not null,
  email varchar(254) not null,
  extra @long_text not null,
  created_at bigint not null,
  expires_at bigint not null);
create index one_time_tokens_user on one_time_tokens (user_id, kind);
create index one_time_tokens_expiry on one_time_tokens (expires_at);
create table caps (
  subject varchar(80) not null primary key,
  requests_per_minute bigint not null,
  tokens_per_minute bigint not null,
  streams bigint not null,
  micro_usd_per_day bigint not null);
create table signing_keys (
  kid varchar(64) not null primary key,
  alg varchar(16) not null,
  secret @long_text not null,
  created_at bigint not null,
  retires_at bigint not null)
)"};

// Times are milliseconds of the server's clock. `state` and `wants` are limit_rows.hpp's. The names
// are of printable ASCII: at most 3 bytes a byte of a scope or an id.
constexpr std::array<migration, 1> limit_steps{R"(
create table limit_counters (
  name varchar(640) not null primary key,
  state @long_text not null,
  expires_at bigint not null);
create index limit_counters_expiry on limit_counters (expires_at);
create table limit_records (
  name varchar(192) not null primary key,
  wants @long_text not null,
  expires_at bigint not null);
create index limit_records_expiry on limit_records (expires_at)
)"};

// Times are milliseconds of engine::lease_now, `state` is escaped text. States lie apart, for the
// rows of leases are written every second. No row of `leases` is ever deleted: epochs only rise.
constexpr std::array<migration, 1> lease_steps{R"(
create table leases (
  service varchar(64) not null,
  shard smallint not null,
  epoch bigint not null,
  holder varchar(64) not null,
  until_ms bigint not null,
  era varchar(64) not null,
  released smallint not null,
  complete smallint not null,
  wanted_by varchar(64) not null,
  saved_ms bigint not null,
  saved_era varchar(64) not null,
  saved_wall_ms bigint not null,
  primary key (service, shard));
create table lease_states (
  service varchar(64) not null,
  shard smallint not null,
  state @long_text not null,
  primary key (service, shard));
create table lease_members (
  service varchar(64) not null,
  node varchar(64) not null,
  until_ms bigint not null,
  era varchar(64) not null,
  primary key (service, node))
)"};

constexpr std::array<migration, 1> log_steps{R"(
create table log_records (
  seq @rising_key not null primary key,
  id varchar(64) not null unique,
  user_id varchar(36) not null,
  time varchar(32) not null,
  level smallint not null,
  service varchar(128) not null,
  message @long_text not null,
  attributes @long_text not null);
create index log_records_time on log_records (user_id, time, seq);
create index log_records_service on log_records (user_id, service, time, seq)
)"};

constexpr std::array<migration, 2> prompt_steps{R"(
create table files (
  id varchar(64) not null primary key,
  user_id varchar(36) not null,
  bytes bigint not null,
  created_at bigint not null,
  filename varchar(255) not null,
  purpose varchar(64) not null,
  sha256 varchar(64) not null);
create index files_user on files (user_id, created_at, id);
create table file_contents (
  file_id varchar(64) not null primary key,
  content @bytes not null);
create table stores (
  id varchar(64) not null primary key,
  user_id varchar(36) not null,
  created_at bigint not null,
  name varchar(200) not null,
  metadata @long_text not null,
  last_active_at bigint not null);
create index stores_user on stores (user_id, created_at, id);
create table store_files (
  store_id varchar(64) not null,
  file_id varchar(64) not null,
  user_id varchar(36) not null,
  created_at bigint not null,
  status varchar(16) not null,
  error_code varchar(64) not null,
  error_message text not null,
  usage_bytes bigint not null,
  attributes @long_text not null,
  primary key (store_id, file_id));
create index store_files_created on store_files (store_id, created_at, file_id);
create index store_files_file on store_files (file_id);
create index store_files_status on store_files (status);
create table conversations (
  id varchar(64) not null primary key,
  user_id varchar(36) not null,
  next_turn bigint not null);
create table turns (
  conversation_id varchar(64) not null,
  turn bigint not null,
  role varchar(16) not null,
  content @long_text not null,
  primary key (conversation_id, turn))
)",
                                                R"(
create index conversations_user on conversations (user_id, id)
)"};

} // namespace

const schema auth_schema{"auth", auth_steps};
const schema lease_schema{"leases", lease_steps, 0};
const schema limit_schema{"limits", limit_steps, 0};
const schema log_schema{"log", log_steps};
const schema prompt_schema{"prompt", prompt_steps};

} // namespace troupe::sql
