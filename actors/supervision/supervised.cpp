#include "actors/supervision/supervised.hpp"

#include "messages/base/metrics.hpp"

#include <algorithm>

namespace troupe {
namespace {

metrics::metric& restarts() {
  static metrics::metric counter(metrics::kind::counter, "troupe_actor_restarts_total",
                                 "Services started again after a crash.");
  return counter;
}

template <class Protocol>
struct supervised_deps {
  std::string name;
  std::function<typename Protocol::actor(caf::actor_system&)> factory;
  restart_policy policy;
};

template <class Protocol>
class supervised_impl final : public service_base<Protocol> {
public:
  using base = service_base<Protocol>;
  using clock = std::chrono::steady_clock;

  supervised_impl(typename base::pointer self, slot_registry& slots, supervised_deps<Protocol> deps)
      : base(self, slots), d_(std::move(deps)) {}

  ~supervised_impl() override {
    if (child_) caf::anon_send_exit(child_, caf::exit_reason::user_shutdown);
  }

  void start() override {
    this->self_->set_down_handler([this](caf::down_msg& down) {
      const inside_actor scope(*this->slots_);
      if (child_ && down.source == child_.address()) on_down();
    });
    spawn_child();
  }

  template <class Request>
  void on(call<Request>& c, answer<reply_of<Request>> a) {
    if (child_) return a.delegate(child_, std::move(c));
    auto why = make_error(errc::unavailable, "the service " + d_.name + " is being restarted");
    why.retry_after_ms = static_cast<std::uint32_t>(restart_delay(d_.policy, crashes_).count());
    a.fail(std::move(why));
  }

  void on(stream_signal& s) override {
    if (child_) this->self_->send(child_, std::move(s));
  }
  void on(stream_item<chat_delta>&) override {}
  void on(stream_item<file_chunk>&) override {}

private:
  void spawn_child() {
    child_ = d_.factory(this->self_->home_system());
    this->self_->monitor(child_);
    began_ = clock::now();
  }

  void on_down() {
    child_ = nullptr;
    if (clock::now() - began_ > d_.policy.forget_after) crashes_ = 0;
    const auto delay = restart_delay(d_.policy, ++crashes_);
    restarts().add();
    log::warn("service.restarts", {{"service", d_.name}, {"in_ms", delay.count()}, {"crashes", crashes_}});
    this->later(delay, [this] { spawn_child(); });
  }

  supervised_deps<Protocol> d_;
  typename Protocol::actor child_;
  clock::time_point began_{};
  unsigned crashes_ = 0;
};

}  // namespace

std::chrono::milliseconds restart_delay(const restart_policy& policy, unsigned crashes) noexcept {
  auto delay = policy.first_delay;
  for (unsigned i = 1; i < crashes && delay < policy.longest_delay; ++i) delay *= 2;
  return std::min(delay, policy.longest_delay);
}

template <class Protocol>
typename Protocol::actor spawn_supervised(
    caf::actor_system& system, std::string name,
    std::function<typename Protocol::actor(caf::actor_system&)> factory, restart_policy policy) {
  return spawn_service<Protocol, supervised_impl<Protocol>>(
      system, supervised_deps<Protocol>{std::move(name), std::move(factory), policy});
}

template auth_service::actor spawn_supervised<auth_service>(
    caf::actor_system&, std::string, std::function<auth_service::actor(caf::actor_system&)>, restart_policy);
template prompt_service::actor spawn_supervised<prompt_service>(
    caf::actor_system&, std::string, std::function<prompt_service::actor(caf::actor_system&)>, restart_policy);
template retrieval_service::actor spawn_supervised<retrieval_service>(
    caf::actor_system&, std::string, std::function<retrieval_service::actor(caf::actor_system&)>, restart_policy);
template log_service::actor spawn_supervised<log_service>(
    caf::actor_system&, std::string, std::function<log_service::actor(caf::actor_system&)>, restart_policy);
template router_service::actor spawn_supervised<router_service>(
    caf::actor_system&, std::string, std::function<router_service::actor(caf::actor_system&)>, restart_policy);

}  // namespace troupe
