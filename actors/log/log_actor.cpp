#include "actors/log/log_actor.hpp"

#include "actors/log/log_rules.hpp"
#include "messages/base/limits.hpp"

namespace troupe {
namespace {

class log_impl final : public service_base<log_service> {
public:
  static inline const char* actor_name = "log";

  log_impl(pointer self, slot_registry& slots, log_deps deps)
      : service_base(self, slots), deps_(std::move(deps)) {}
  using service_base::on;

  void on(call<append_logs_request>& c, answer<append_logs_reply> a) {
    auto records =
        log_rules::records_of(std::move(c.body), c.op.who, std::chrono::system_clock::now());
    if (!records) return a.fail(std::move(records.error()));
    auto copy = *records;
    deps_.store->append(
        std::move(*records),
        to_self<done>([a = std::move(a), copy = std::move(copy)](result<done> stored) mutable {
          if (!stored) return a.fail(std::move(stored.error()));
          a(append_logs_reply{std::move(copy)});
        }));
  }

  void on(call<patch_log_request>& c, answer<log_record> a) {
    deps_.store->patch(c.op.who.user, std::move(c.body.id), std::move(c.body.attributes),
                       pass_on(std::move(a)));
  }

  void on(call<list_logs_request>& c, answer<log_page> a) {
    auto filter = log_rules::filter_of(c.body, c.op.who);
    if (!filter) return a.fail(std::move(filter.error()));
    deps_.store->list(std::move(*filter),
                      to_self<log_slice>([a = std::move(a)](result<log_slice> slice) mutable {
                        if (!slice) return a.fail(std::move(slice.error()));
                        log_page page;
                        page.data = std::move(slice->records);
                        page.has_more = !slice->next.empty();
                        if (page.has_more) page.next_cursor = std::move(slice->next);
                        a(std::move(page));
                      }));
  }

  void on(call<purge_logs_request>& c, answer<purge_reply> a) {
    purge_all(
        [store = deps_.store, user = std::move(c.body.user)](reply<purge_step> next) {
          store->purge(user, limits::purge_rows, std::move(next));
        },
        [a = std::move(a)](result<std::uint64_t> gone) mutable {
          if (!gone) return a.fail(std::move(gone.error()));
          a(purge_reply{*gone});
        });
  }

  void on(call<ping_request>&, answer<ping_reply> a) {
    deps_.store->flush(to_self<done>([a = std::move(a)](result<done> flushed) mutable {
      if (!flushed) return a.fail(std::move(flushed.error()));
      a(ping_reply{true, {}});
    }));
  }

private:
  log_deps deps_;
};

} // namespace

log_service::actor spawn_log(caf::actor_system& system, log_deps deps) {
  return spawn_service<log_service, log_impl>(system, std::move(deps));
}

} // namespace troupe
