#include "actors/auth/provider_directory.hpp"

#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

#include <utility>

namespace troupe {
namespace {

using oidc_rules::provider_metadata;

error unreachable(const error& why) {
  if (why.code == errc::upstream_failed || why.code == errc::overloaded) return why;
  auto out = make_error(errc::unavailable, "the provider cannot be reached");
  out.retry_after_ms = 1000;
  return out;
}

} // namespace

void provider_directory::metadata(const foreign_issuer& of, after then) {
  auto& at = all_[of.name];
  if (at.has_any && around_.steady_now() < at.fresh_until) return then(at.known);
  if (at.waiting.size() >= limits::issuer_waiters)
    return then(fail(errc::overloaded, "too many sign-ins wait for a provider"));
  at.issuer = of.issuer;
  at.waiting.push_back(std::move(then));
  if (at.waiting.size() == 1) ask(at);
}

void provider_directory::ask(entry& of) {
  around_.fetch(issuer_rules::json_request(issuer_rules::discovery_url(of.issuer)),
                [this, &of](const result<fetch_reply>& answer) { take(of, answer); });
}

void provider_directory::take(entry& of, const result<fetch_reply>& answer) {
  auto read = answer ? oidc_rules::metadata_of(*answer, of.issuer)
                     : result<provider_metadata>(std::unexpected(answer.error()));
  if (read) {
    of.known = std::move(*read);
    of.has_any = true;
    of.fresh_until = around_.steady_now() + issuer_rules::keys_age(answer->cache_control);
  } else {
    // Nobody waits again and again for what is used anyway.
    if (of.has_any) of.fresh_until = around_.steady_now() + limits::issuer_ask_pause;
    log::warn("auth.provider_unread", {{"issuer", of.issuer}, {"why", read.error().message}});
  }
  for (auto& each : std::exchange(of.waiting, {})) {
    if (of.has_any)
      each(of.known);
    else
      each(std::unexpected(unreachable(read.error())));
  }
}

} // namespace troupe
