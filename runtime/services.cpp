#include "runtime/services.hpp"

#include "actors/auth/auth_actor.hpp"
#include "actors/auth/limit_actor.hpp"
#include "actors/log/log_actor.hpp"
#include "actors/log/record_keeper.hpp"
#include "actors/retrieval/retrieval_actor.hpp"
#include "actors/support/unix_time.hpp"
#include "adapters/crypto/crypto.hpp"
#include "adapters/documents/document_reader.hpp"
#include "adapters/llm/openai_provider.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "adapters/vector/passage_index.hpp"
#include "adapters/web/http_fetch.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"
#include "runtime/accounts_database.hpp"
#include "runtime/issuer_settings.hpp"
#include "runtime/mail_folder.hpp"
#include "runtime/mail_settings.hpp"
#include "runtime/shared_stores.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>

namespace troupe {
namespace {

/// Waits for a port's reply: start-up only, nothing else runs yet.
template <class T, class F>
result<T> wait(F&& begin) {
  auto promise = std::make_shared<std::promise<result<T>>>();
  auto future = promise->get_future();
  begin(reply<T>([promise](result<T> value) { promise->set_value(std::move(value)); }));
  return future.get();
}

result<void> write_private(const std::filesystem::path& file, const std::string& text) {
  const auto failed = [&] {
    return fail(errc::unavailable, "cannot write " + file.string() + ": " + std::strerror(errno));
  };
  // Nobody else makes the folder where the accounts are on a SQL server.
  std::error_code ignored; // what it means is said by open() below
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), ignored);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  const bool written = ::fchmod(fd, 0600) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  if (!written) {
    auto why = failed();
    ::close(fd);
    return why;
  }
  ::close(fd);
  return {};
}

class services_impl final : public role_services {
public:
  result<void> open_roles(const config& in, boost::asio::io_context& loop) {
    in_ = in;
    loop_ = &loop;
    if (has_role(in, "log"))
      if (auto r = open_log(); !r) return r;
    if (has_role(in, "auth"))
      if (auto r = open_auth(); !r) return r;
    if (has_role(in, "prompt"))
      if (auto r = open_prompt(); !r) return r;
    return {};
  }

  caf::actor spawn_record_keeper(caf::actor_system& system,
                                 const log_service::actor& log) override {
    keeper_ = troupe::spawn_record_keeper(
        system, log, has_role(in_, "log") ? near_log_gathers : far_log_gathers);
    prompt_.keep_record = keeper_.keep;
    prompt_.forget_records = keeper_.forget;
    auth_.audit = [keep = keeper_.keep](const audit_event& event, const op_context& op) {
      keep(std::string(audit_owner), to_record(event, op));
    };
    return keeper_.actor;
  }
  auth_service::actor spawn_auth(caf::actor_system& system) override {
    return troupe::spawn_auth(system, auth_);
  }
  key_service::actor spawn_keys(caf::actor_system& system) override {
    return troupe::spawn_keys(system, auth_);
  }
  limit_service::actor spawn_limits(caf::actor_system& system,
                                    const limit_service::actor& peers) override {
    limit_deps d;
    d.store = auth_.limits;
    d.address_requests_per_minute = in_.caps.address_requests_per_minute;
    d.shards = limit_shards_;
    d.leases = limit_leases_;
    d.peers = peers;
    return troupe::spawn_limits(system, std::move(d));
  }
  account_service::actor spawn_accounts(caf::actor_system& system,
                                        const service_handles& others) override {
    return troupe::spawn_accounts(system, auth_, others);
  }
  log_service::actor spawn_log(caf::actor_system& system) override {
    return troupe::spawn_log(system, log_);
  }
  retrieval_service::actor spawn_retrieval(caf::actor_system& system) override {
    return troupe::spawn_retrieval(system, retrieval_);
  }
  prompt_service::actor spawn_prompt(caf::actor_system& system, const service_handles& others,
                                     const prompt_service::actor& peers) override {
    auto d = prompt_;
    d.peers = peers;
    d.retrieval = others.retrieval;
    d.limiter = others.limits;
    return troupe::spawn_prompt(system, std::move(d));
  }
  void hand_over(bool at_last) override {
    for (const auto& each : {limit_leases_, prompt_.leases})
      if (each) each->drain(at_last);
  }
  bool is_handed_over() const override {
    return (!limit_leases_ || limit_leases_->is_drained()) &&
           (!prompt_.leases || prompt_.leases->is_drained());
  }
  std::shared_ptr<prompt_activity> activity() const override { return prompt_.activity; }
  std::int64_t unlogged() const override {
    return keeper_.unacknowledged ? keeper_.unacknowledged->load() : 0;
  }

private:
  result<void> open_log();
  result<void> open_auth();
  result<void> open_prompt();
  result<void> share_conversations(const std::string& file);
  result<void> make_signer();
  result<void> make_issuers();
  result<void> open_signing_keys();
  result<signing_key_row> first_key(jws_alg alg);
  result<void> make_provider();
  result<void> open_mail();
  [[nodiscard]] sign_in_policy sign_in_settings() const;

  config in_;
  boost::asio::io_context* loop_ = nullptr;
  record_keeper keeper_;
  std::unique_ptr<lease_store> shared_leases_, prompt_leases_;
  log_deps log_;
  auth_deps auth_;
  std::shared_ptr<limit_shards> limit_shards_; // null: one store counts for all
  std::shared_ptr<lease_host> limit_leases_;   // there with limit_shards_
  retrieval_deps retrieval_;
  prompt_deps prompt_;
};

result<void> services_impl::open_log() {
  auto store = open_log_store({database_file(in_, "log").string()});
  if (!store) return std::unexpected(std::move(store.error()));
  log_.store = std::move(*store);
  return {};
}

usage_caps default_caps(const settings::caps& in) {
  constexpr std::int64_t micro = 1'000'000;
  return {{},
          static_cast<std::int64_t>(in.user_requests_per_minute),
          static_cast<std::int64_t>(in.user_tokens_per_minute),
          in.user_streams,
          in.user_usd_per_day * micro};
}

/// The ring of the stored keys that have this algorithm; the one without an end signs.
result<std::shared_ptr<const token_signer>> ring_of(jws_alg alg,
                                                    const std::vector<signing_key_row>& rows) {
  token_signer_config ring{.alg = alg, .keys = {}};
  for (const bool signs : {true, false})
    for (const auto& row : rows)
      if (row.alg == name_of(alg) && (row.retires_at == 0) == signs)
        ring.keys.push_back({row.key, row.retires_at});
  auto made = make_token_signer(std::move(ring));
  if (!made) return std::unexpected(std::move(made.error()));
  return std::move(*made);
}

signing_key_row new_key(jws_alg alg) {
  return {make_uuid(), std::string(name_of(alg)), {make_signing_key(alg)}, unix_now(), 0};
}

result<void> services_impl::make_signer() {
  const auto& shared = in_.auth.jwt_secret.value;
  if (shared.empty()) return open_signing_keys();
  auto signer = make_token_signer({.alg = jws_alg::hs256, .keys = {{.text = {shared}}}});
  if (!signer) return fail(signer.error().code, "JWT_SECRET: " + signer.error().message);
  auth_.signer = std::move(*signer);
  return {};
}

/// The keys in the store; one is made when none of the algorithm signs. Of several nodes that start
/// at once each may make one: they all verify, and the newest signs.
result<void> services_impl::open_signing_keys() {
  const auto alg = jws_alg_named(in_.auth.signing).value_or(jws_alg::eddsa);
  const auto read = [&] {
    return wait<std::vector<signing_key_row>>(
        [&](auto r) { auth_.in.secrets->signing_keys(unix_now(), std::move(r)); });
  };
  auto rows = read();
  const auto signs = [&](const signing_key_row& row) {
    return row.alg == name_of(alg) && row.retires_at == 0;
  };
  for (int i = 0; i < 2 && rows && std::ranges::none_of(*rows, signs); ++i) {
    // The first one of all may be there already, made by another node or long retired.
    auto row = i == 0 ? first_key(alg) : result<signing_key_row>(new_key(alg));
    if (!row) return std::unexpected(std::move(row.error()));
    const auto end = row->created_at + limits::signing_key_overlap.count();
    const auto stored = wait<done>([&](reply<done> r) {
      auth_.in.secrets->add_signing_key(std::move(*row), end, std::move(r));
    });
    if (!stored && stored.error().code != errc::conflict) return std::unexpected(stored.error());
    rows = read();
  }
  if (!rows) return std::unexpected(std::move(rows.error()));
  auto ring = ring_of(alg, *rows);
  if (!ring) return std::unexpected(std::move(ring.error()));
  auth_.signer = std::move(*ring);
  auth_.make_signer = [alg](const auto& all) { return ring_of(alg, all); };
  auth_.new_signing_key = [alg] { return new_key(alg); };
  return {};
}

/// Installations from before keys could be rotated have theirs among the secrets.
result<signing_key_row> services_impl::first_key(jws_alg alg) {
  auto row = new_key(alg);
  if (alg != jws_alg::eddsa) return row;
  auto seed = wait<std::string>([&](reply<std::string> r) {
    auth_.in.secrets->installation_secret("eddsa_seed", row.key.value, std::move(r));
  });
  if (!seed) return std::unexpected(std::move(seed.error()));
  row.kid = "first";
  row.key.value = std::move(*seed);
  return row;
}

result<void> services_impl::open_mail() {
  if (!sends_mail(in_)) return {};
  auto texts = read_mail_templates(in_.mail.templates);
  if (!texts) return std::unexpected(std::move(texts.error()));
  auto mailer = make_smtp_mailer(smtp_settings(in_));
  if (!mailer) return std::unexpected(std::move(mailer.error()));
  auth_.texts = std::make_shared<const mail_templates>(std::move(*texts));
  auth_.mail = std::move(*mailer);
  return {};
}

sign_in_policy services_impl::sign_in_settings() const {
  using std::chrono::duration_cast, std::chrono::seconds;
  sign_in_policy out;
  out.redirect = {in_.mail.site_url, in_.auth.redirect_urls};
  out.public_url = in_.auth.public_url.empty() ? in_.mail.site_url : in_.auth.public_url;
  if (out.public_url.ends_with('/')) out.public_url.pop_back();
  out.confirm_email = confirms_email(in_);
  out.anonymous = in_.auth.anonymous == "on";
  out.token_ttl = duration_cast<seconds>(in_.auth.mail_token_ttl);
  out.mail_pause = duration_cast<seconds>(in_.auth.mail_pause);
  return out;
}

result<void> services_impl::make_issuers() {
  if (in_.issuers.empty()) return {};
  for (const auto& [name, each] : in_.issuers) {
    auto settings = verifier_settings(each);
    auto audiences = settings.audiences;
    auto verifier = make_foreign_verifier(std::move(settings));
    if (!verifier)
      return fail(verifier.error().code, "issuers." + name + ": " + verifier.error().message);
    auth_.issuers.push_back({.name = name,
                             .issuer = each.issuer,
                             .verifier = std::move(*verifier),
                             .has_keys = has_public_keys(each),
                             .keys_url = keys_url(each),
                             .create_accounts = each.create_accounts,
                             .role = each.role,
                             .require_email_verified = each.require_email_verified,
                             .link_by_email = each.link_by_email,
                             .client = {each.client_id, each.client_secret, each.scopes},
                             .audiences = std::move(audiences),
                             .gives_id_tokens = each.kind != "supabase"});
  }
  auth_.claimed_issuer = claimed_issuer;
  auth_.fetch = make_http_fetch({.ca_file = {}, .loop = loop_});
  return {};
}

result<void> services_impl::open_auth() {
  auto stores = open_auth_stores(accounts_database(in_));
  if (!stores) return std::unexpected(std::move(stores.error()));
  auth_.in = std::move(*stores);
  auto shared = open_shared_stores(in_, *loop_);
  if (!shared) return std::unexpected(std::move(shared.error()));
  auth_.limits = std::move(shared->limits);
  limit_shards_ = std::move(shared->limit_owner);
  shared_leases_ = std::move(shared->leases);
  limit_leases_ = std::move(shared->limit_leases);
  auth_.cache = std::move(shared->sessions);
  auth_.attempts = {in_.auth.failures_per_account, in_.auth.tries_per_address};
  auth_.user_caps = default_caps(in_.caps);
  auth_.limits_addresses = in_.caps.address_requests_per_minute > 0;
  auth_.digest = make_digests();
  auth_.hasher = make_password_hasher();
  auth_.signup_open = signup_is_open(in_);
  auth_.sign_in = sign_in_settings();
  if (auto r = open_mail(); !r) return r;
  if (auto r = make_signer(); !r) return r;
  if (auto r = make_issuers(); !r) return r;
  const auto file = admin_key_file(in_);
  const auto made = wait<bool>([&](reply<bool> r) {
    ensure_admin(
        auth_, [file](const std::string& key) { return write_private(file, key + '\n'); },
        std::move(r));
  });
  if (!made) return std::unexpected(made.error());
  if (*made) log::info("auth.admin_key_written", {{"file", file.string()}});
  return {};
}

result<void> services_impl::make_provider() {
  if (in_.chat.openai_base_url.empty()) return {};
  llm_config settings;
  settings.loop = loop_;
  settings.base_url = in_.chat.openai_base_url;
  settings.api_key = in_.chat.openai_api_key;
  settings.first_byte_timeout = in_.chat.first_byte_timeout;
  settings.stall_timeout = in_.chat.stall_timeout;
  auto provider = make_llm_provider(std::move(settings));
  if (!provider) return std::unexpected(std::move(provider.error()));
  prompt_.provider = std::move(*provider);
  return {};
}

/// Among nodes that are linked each conversation is one node's; the leases lie beside it.
result<void> services_impl::share_conversations(const std::string& file) {
  if (broker_links(in_).empty()) return {};
  auto leases = open_lease_store({file});
  if (!leases) return std::unexpected(std::move(leases.error()));
  lease_host_config settings;
  prompt_leases_ = std::move(*leases);
  settings.store = prompt_leases_.get();
  settings.service = "prompt";
  settings.node = own_incarnation();
  prompt_.leases = std::make_shared<lease_host>(std::move(settings));
  return {};
}

result<void> services_impl::open_prompt() {
  const auto file = database_file(in_, "prompt").string();
  auto stores = open_prompt_stores({file});
  if (!stores) return std::unexpected(std::move(stores.error()));
  std::shared_ptr<const embedder> embed = make_hashing_embedder();
  prompt_.embed = embed;
  if (has_retrieval(in_)) {
    auto index = open_passage_index(file, std::move(embed));
    if (!index) return std::unexpected(std::move(index.error()));
    retrieval_.files = std::move(stores->files);
    retrieval_.stores = std::move(stores->stores);
    retrieval_.index = std::move(*index);
    retrieval_.reader = make_document_reader();
    retrieval_.digest = make_digests();
  }
  if (auto r = share_conversations(file); !r) return r;
  prompt_.conversations = std::move(stores->conversations);
  prompt_.default_model = in_.chat.default_model;
  for (const auto& price : in_.chat.prices) prompt_.prices.push_back(*parse_price(price));
  return make_provider();
}

} // namespace

result<std::unique_ptr<role_services>> role_services::open(const config& in,
                                                           boost::asio::io_context& loop) {
  auto made = std::make_unique<services_impl>();
  if (auto r = made->open_roles(in, loop); !r) return std::unexpected(std::move(r.error()));
  return made;
}

} // namespace troupe
