#include "actors/auth/foreign_issuers.hpp"

#include "actors/auth/auth_rules.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

bool is_unknown_key(const result<foreign_claims>& verdict) {
  return !verdict && verdict.error().reason == unknown_key_reason;
}

/// The verifier's word for a client: what is wrong, under the name of every wrong credential.
result<foreign_claims> for_client(result<foreign_claims> verdict) {
  if (!verdict) verdict.error().reason = auth_rules::unknown_credential().reason;
  return verdict;
}

} // namespace

foreign_issuers::foreign_issuers(std::vector<foreign_issuer> all, surroundings around)
    : around_(std::move(around)) {
  all_.reserve(all.size());
  for (auto& each : all)
    all_.push_back({.settings = std::move(each),
                    .pause = issuer_rules::ask_pause(limits::issuer_ask_pause),
                    .waiting = {}});
}

void foreign_issuers::start() {
  for (auto& each : all_)
    if (each.settings.has_keys) watch(each);
}

const foreign_issuer* foreign_issuers::issuer_of(std::string_view token) const {
  if (all_.empty()) return nullptr;
  const auto claimed = around_.claimed_issuer(token);
  const auto at = std::ranges::find_if(
      all_, [&](const state& each) { return each.settings.issuer == claimed; });
  return at == all_.end() ? nullptr : &at->settings;
}

const foreign_issuer* foreign_issuers::named(std::string_view name) const {
  const auto at = std::ranges::find(
      all_, name, [](const state& each) -> const std::string& { return each.settings.name; });
  return at == all_.end() ? nullptr : &at->settings;
}

void foreign_issuers::verify(const foreign_issuer& from, std::string token,
                             after<foreign_claims> then) {
  auto& of = state_of(from);
  auto verdict = of.settings.verifier->verify(token, around_.unix_now());
  if (!is_unknown_key(verdict)) return then(for_client(std::move(verdict)));
  const auto now = around_.steady_now();
  const bool may_ask = of.settings.has_keys && of.pause.is_over(now);
  if (!of.asking && !may_ask) return then(std::unexpected(unknown_key(of)));
  if (of.waiting.size() >= limits::issuer_waiters)
    return then(fail(errc::overloaded, "too many requests wait for the keys of an issuer"));
  of.waiting.push_back({std::move(token), std::move(then)});
  if (of.asking) return;
  of.pause.begin(now);
  ask(of);
}

foreign_issuers::state& foreign_issuers::state_of(const foreign_issuer& from) {
  return *std::ranges::find_if(all_, [&](const state& each) { return &each.settings == &from; });
}

/// Looks when the set is due. What other tokens asked for meanwhile moves that.
void foreign_issuers::watch(state& of) {
  const auto now = around_.steady_now();
  if (now >= of.due && !of.asking) ask(of);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(of.due - now);
  constexpr std::chrono::milliseconds soon = limits::issuer_keys_age_min;
  around_.later(left.count() > 0 ? std::min(left, soon) : soon, [this, &of] { watch(of); });
}

void foreign_issuers::ask(state& of) {
  of.asking = true;
  if (!of.settings.keys_url.empty()) return ask_keys(of, of.settings.keys_url);
  request(issuer_rules::discovery_url(of.settings.issuer),
          [this, &of](const result<fetch_reply>& metadata) {
            if (!metadata) return take(of, metadata);
            auto url = issuer_rules::keys_url_of(*metadata, of.settings.issuer);
            if (!url) return take(of, std::unexpected(std::move(url.error())));
            ask_keys(of, std::move(*url));
          });
}

void foreign_issuers::ask_keys(state& of, std::string url) {
  request(std::move(url), [this, &of](const result<fetch_reply>& keys) { take(of, keys); });
}

void foreign_issuers::request(std::string url, after<fetch_reply> then) {
  around_.fetch(issuer_rules::json_request(std::move(url)), std::move(then));
}

/// The end of asking, well or not: all who wait are judged by what is known now.
void foreign_issuers::take(state& of, const result<fetch_reply>& keys) {
  const auto fresh = read(of, keys);
  of.asking = false;
  of.reached = fresh.has_value();
  of.due = around_.steady_now() + fresh.value_or(limits::issuer_keys_age_min);
  if (!fresh)
    log::warn("auth.issuer_keys_unread",
              {{"issuer", of.settings.name}, {"why", fresh.error().message}});
  for (auto& each : std::exchange(of.waiting, {})) {
    auto verdict = of.settings.verifier->verify(each.token, around_.unix_now());
    if (is_unknown_key(verdict))
      each.then(std::unexpected(unknown_key(of)));
    else
      each.then(for_client(std::move(verdict)));
  }
}

/// Puts the set in use; answers how long it is fresh.
result<std::chrono::seconds> foreign_issuers::read(state& of, const result<fetch_reply>& keys) {
  if (!keys) return std::unexpected(keys.error());
  if (keys->status != 200)
    return fail(errc::upstream_failed, "it answered " + std::to_string(keys->status));
  auto made = of.settings.verifier->with_jwks(keys->body);
  if (!made) return std::unexpected(std::move(made.error()));
  of.settings.verifier = std::move(*made);
  return issuer_rules::keys_age(keys->cache_control);
}

/// An issuer that does not have the key is believed; one that could not be asked may have it.
error foreign_issuers::unknown_key(const state& of) const {
  if (of.reached || !of.settings.has_keys) return auth_rules::unknown_credential();
  return issuer_rules::issuer_unreachable(of.pause.left(around_.steady_now()));
}

} // namespace troupe
