#include "actors/ports/lease_rules.hpp"
#include "adapters/sql/lease_batch.hpp"

#include <deque>
#include <mutex>
#include <utility>

namespace troupe {
namespace {

using namespace sql;

/// One transaction at a time for all calls that wait.
class sql_leases final : public lease_store {
public:
  explicit sql_leases(std::shared_ptr<database> db) : db_(std::move(db)) {}
  ~sql_leases() override { db_->stop(); } // no job of ours outlives us

  void join(std::string service, std::string node, std::chrono::milliseconds ttl,
            reply<std::vector<std::string>> answer) override {
    if (auto ok = lease_rules::check_join(service, node, ttl); !ok)
      return answer.fail(std::move(ok.error()));
    push(make_join(std::move(service), std::move(node), ttl, std::move(answer)));
  }

  void leave(std::string service, std::string node, reply<done> answer) override {
    if (auto ok = lease_rules::check_names(service, node); !ok)
      return answer.fail(std::move(ok.error()));
    push(make_leave(std::move(service), std::move(node), std::move(answer)));
  }

  void take(std::string service, std::string node, std::vector<shard_number> shards,
            std::chrono::milliseconds ttl, reply<std::vector<lease_verdict>> answer) override {
    if (auto ok = lease_rules::check_take(service, node, shards, ttl); !ok)
      return answer.fail(std::move(ok.error()));
    push(make_take(std::move(service), std::move(node), std::move(shards), ttl, std::move(answer)));
  }

  void keep(std::string service, std::string node, std::vector<lease_hold> holds,
            std::chrono::milliseconds ttl, reply<std::vector<lease_kept>> answer) override {
    if (auto ok = lease_rules::check_keep(service, node, holds, ttl); !ok)
      return answer.fail(std::move(ok.error()));
    push(make_keep(std::move(service), std::move(node), std::move(holds), ttl, std::move(answer)));
  }

  void give(std::string service, std::string node, std::vector<lease_hold> holds,
            reply<std::vector<shard_number>> answer) override {
    if (auto ok = lease_rules::check_give(service, node, holds); !ok)
      return answer.fail(std::move(ok.error()));
    push(make_give(std::move(service), std::move(node), std::move(holds), std::move(answer)));
  }

private:
  void push(std::unique_ptr<lease_call> call) {
    {
      const std::lock_guard lock(mutex_);
      const auto bytes = call->bytes();
      if (waiting_.size() < limits::lease_calls &&
          waiting_bytes_ + bytes <= limits::lease_waiting_bytes) {
        waiting_bytes_ += bytes;
        waiting_.push_back(std::move(call));
        if (std::exchange(is_busy_, true)) return;
      }
    }
    if (!call) return run_next();
    auto why = make_error(errc::overloaded, "too many requests wait for the store");
    why.retry_after_ms = 1000;
    call->answer(std::move(why));
  }

  /// is_busy_ is ours until all that waits is done.
  void run_next() {
    auto batch = std::make_shared<lease_batch>();
    {
      const std::lock_guard lock(mutex_);
      is_busy_ = !waiting_.empty();
      while (!waiting_.empty() && batch->size() < limits::lease_batch_calls) {
        waiting_bytes_ -= waiting_.front()->bytes();
        batch->push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    if (!batch->empty()) run(std::move(batch));
  }

  void run(std::shared_ptr<lease_batch> batch) {
    reply<done> decided([this, batch](result<done> r) {
      const auto why = r ? std::nullopt : std::optional(std::move(r.error()));
      for (auto& call : *batch) call->answer(why);
      run_next();
    });
    db_->write<done>(std::move(decided), [this, batch](soci::session& s) -> result<done> {
      decide(*batch, s, db_->on());
      return done{};
    });
  }

  const std::shared_ptr<database> db_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<lease_call>> waiting_; // guarded by mutex_
  std::size_t waiting_bytes_ = 0;                   // guarded by mutex_: of their states
  bool is_busy_ = false; // guarded by mutex_: a batch of ours is on its way
};

} // namespace

result<std::unique_ptr<lease_store>> open_lease_store(const sql_config& config) {
  auto opened = database::open(config, lease_schema);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return std::make_unique<sql_leases>(std::move(*opened));
}

} // namespace troupe
