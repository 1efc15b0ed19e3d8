#include "actors/routing/router_actor.hpp"

#include "actors/routing/caller_cache.hpp"
#include "actors/support/waiting_calls.hpp"
#include "messages/limit_ids.hpp"
#include "messages/scopes.hpp"
#include "messages/validate.hpp"

#include <unordered_map>
#include <vector>

namespace troupe {
namespace {

std::chrono::milliseconds lifetime(std::int64_t expires_at) {
  using namespace std::chrono;
  if (expires_at == 0) return limits::auth_cache_ttl;
  return duration_cast<milliseconds>(system_clock::time_point(seconds(expires_at)) -
                                     system_clock::now());
}

struct router_deps {
  service_handles services;
  std::shared_ptr<topology_source> looks;
};

class router_impl final : public service_base<router_service> {
public:
  static inline const char* actor_name = "router";

  router_impl(pointer self, slot_registry& slots, router_deps deps)
      : service_base(self, slots), to_(std::move(deps.services)), looks_(std::move(deps.looks)) {}
  using service_base::on;

  template <class Request>
  void on(call<Request>& c, answer<reply_of<Request>> a) {
    c.op.who = {}; // whatever came in its place counts for nothing
    if constexpr (is_public<Request>) {
      forward(std::move(c), std::move(a));
    } else {
      if (const auto* who = cache_.find(c.op.credential, caller_cache::clock::now())) {
        c.op.who = *who;
        return admit(std::move(c), std::move(a));
      }
      authenticate(std::move(c), std::move(a));
    }
  }

  void on(call<ping_request>& c, answer<ping_reply> a) {
    struct gathering {
      answer<ping_reply> a;
      ping_reply out;
      std::size_t left = 1; // held by the loop below, so that it ends only after the last question
      void one_less() {
        if (--left == 0) a(std::move(out));
      }
    };
    auto all = std::make_shared<gathering>(std::move(a));
    all->out.ready = true;
    const auto one = [&](const auto& service, std::string name) {
      if (!service) return; // a node without edge asks only what it has
      ++all->left;
      call<ping_request> ping{c.op, ping_request{name}, {}};
      ping.op.cid = make_call_id();
      ask(service, std::move(ping), [all, name](outcome<ping_reply> pong) {
        const bool up = pong && pong->ready;
        all->out.ready = all->out.ready && up;
        all->out.services.push_back({name, up, pong ? std::string() : pong.error().message});
        all->one_less();
      });
    };
    one(to_.auth, "auth");
    one(to_.keys, "keys");
    one(to_.accounts, "accounts");
    one(to_.limits, "limits");
    one(to_.prompt, "prompt");
    one(to_.retrieval, "retrieval");
    one(to_.log, "log");
    all->one_less();
  }

  void on(stream_signal& s) override {
    if (asking_.heed(s)) return;
    if (s.service == "prompt") self_->send(to_.prompt, s);
    if (s.service == "retrieval") self_->send(to_.retrieval, s);
  }

private:
  /// The caller is known: may they?
  template <class Request>
  void admit(call<Request> c, answer<reply_of<Request>> a) {
    constexpr std::string_view wanted = scope_of<Request>();
    if (is_admin_only<Request> && !c.op.who.admin)
      return a.fail(make_error(errc::forbidden, "for admins only"));
    if (!has_scope(c.op.who.scopes, wanted)) {
      auto why = make_error(errc::forbidden, "this needs the scope `" + std::string(wanted) +
                                                 "`, which the credential does not have");
      why.reason = "insufficient_scope";
      return a.fail(std::move(why));
    }
    if constexpr (!is_metered<Request> && !is_uncounted<Request>)
      if (c.op.who.is_limited) return count(std::move(c), std::move(a));
    forward(std::move(c), std::move(a));
  }

  /// One request of a limited caller, whatever comes of it.
  template <class Request>
  void count(call<Request> c, answer<reply_of<Request>> a) {
    call<reserve_request> question{c.op, {}, {}};
    question.op.cid = make_call_id();
    question.op.credential.clear();
    question.body.id = make_reservation_id(c.op.who.caps, c.op.client_address);
    question.body.caps = c.op.who.caps;
    question.body.address = c.op.client_address;
    asking_.add(c.op.cid);
    ask(to_.limits, std::move(question),
        [this, c = std::move(c), a = std::move(a)](outcome<reserve_reply> said) mutable {
          if (asking_.take_cancelled(c.op.cid)) return a.fail(waiting_calls::cancelled());
          if (!said) return a.fail(std::move(said.error()));
          if (said->refused) return a.fail(std::move(*said->refused));
          forward(std::move(c), std::move(a));
        });
  }

  template <class Request>
  void forward(call<Request> c, answer<reply_of<Request>> a) {
    if (auto valid = validate(c.body); !valid) return a.fail(std::move(valid.error()));
    constexpr auto service = method_traits<Request>::service;
    forget_if_revoked(c);
    c.op.credential.clear();
    if constexpr (service == "auth") {
      a.delegate(to_.auth, std::move(c));
    } else if constexpr (service == "keys") {
      a.delegate(to_.keys, std::move(c));
    } else if constexpr (service == "accounts") {
      a.delegate(to_.accounts, std::move(c));
    } else if constexpr (service == "prompt") {
      a.delegate(to_.prompt, std::move(c));
    } else if constexpr (service == "retrieval") {
      a.delegate(to_.retrieval, std::move(c));
    } else if constexpr (service == "cluster") {
      look(std::move(a));
    } else {
      static_assert(service == "log");
      a.delegate(to_.log, std::move(c));
    }
  }

  void look(answer<topology> a) {
    if (!looks_) return a.fail(make_error(errc::unavailable, "this node knows no topology"));
    looks_->look(pass_on<topology>(std::move(a)));
  }

  /// This router at least refuses a revoked credential at once; others do within the cache's time.
  template <class Request>
  void forget_if_revoked(const call<Request>& c) {
    if constexpr (std::is_same_v<Request, logout_request>) {
      if (c.body.scope != "others") cache_.forget(c.op.who.session);
      if (c.body.scope != "local") cache_.forget_user(c.op.who.user, c.op.who.session);
    }
    if constexpr (std::is_same_v<Request, revoke_session_request> ||
                  std::is_same_v<Request, revoke_key_request> ||
                  std::is_same_v<Request, update_key_request>)
      cache_.forget(c.body.id);
    if constexpr (std::is_same_v<Request, update_user_request> ||
                  std::is_same_v<Request, delete_user_request> ||
                  std::is_same_v<Request, end_sessions_request>)
      cache_.forget_user(c.body.id, {});
  }

  template <class Request>
  void authenticate(call<Request> c, answer<reply_of<Request>> a) {
    auto credential = c.op.credential;
    if (credential.empty()) {
      return a.fail(make_error(errc::unauthenticated,
                               "no credential: send `Authorization: Bearer <API key or token>`"));
    }
    call<authenticate_request> question{c.op, {}, {}};
    question.op.cid = make_call_id();
    question.op.credential.clear();
    question.body.credential.value = credential;
    asking_.add(c.op.cid);
    who_is(std::move(credential), std::move(question),
           [this, c = std::move(c), a = std::move(a)](const outcome<caller>& who) mutable {
             if (asking_.take_cancelled(c.op.cid)) return a.fail(waiting_calls::cancelled());
             if (!who) return a.fail(who.error());
             c.op.who = *who;
             admit(std::move(c), std::move(a));
           });
  }

  using waiter = std::move_only_function<void(const outcome<caller>&)>;

  /// Many requests with the same fresh credential cost one question.
  void who_is(std::string credential, call<authenticate_request> question, waiter then) {
    auto& waiting = asked_[credential];
    waiting.push_back(std::move(then));
    if (waiting.size() > 1) return;
    ask(to_.auth, std::move(question), [this, credential](outcome<authenticate_reply> found) {
      outcome<caller> who = std::unexpected(error{});
      if (found) {
        cache_.keep(credential, found->who, caller_cache::clock::now(),
                    lifetime(found->expires_at));
        who = std::move(found->who);
      } else {
        who = std::unexpected(std::move(found.error()));
      }
      auto waiting_now = std::move(asked_[credential]);
      asked_.erase(credential);
      for (auto& w : waiting_now) w(who);
    });
  }

  service_handles to_;
  std::shared_ptr<topology_source> looks_;
  caller_cache cache_;
  std::unordered_map<std::string, std::vector<waiter>> asked_;
  waiting_calls asking_; // for an answer about their callers
};

} // namespace

router_service::actor spawn_router(caf::actor_system& system, service_handles services,
                                   std::shared_ptr<topology_source> looks) {
  return spawn_service<router_service, router_impl>(
      system, router_deps{std::move(services), std::move(looks)});
}

} // namespace troupe
