#include "actors/ports/limit_renewal.hpp"
#include "adapters/sql/limit_batch.hpp"
#include "messages/base/limits.hpp"

#include <chrono>
#include <deque>
#include <mutex>

namespace troupe {
namespace {

using namespace sql;

/// One transaction at a time for all calls that wait: the more there are, the fewer a call costs.
class sql_limits final : public limit_store {
public:
  explicit sql_limits(std::shared_ptr<database> db) : db_(std::move(db)) {}
  ~sql_limits() override { db_->stop(); } // no job of ours outlives us

  void reserve(std::string id, std::vector<limit_want> wants,
               reply<limit_verdict> answer) override {
    if (auto ok = limit_rules::check_reserve(id, wants); !ok)
      return answer.fail(std::move(ok.error()));
    push(make_reserve(std::move(id), std::move(wants), std::move(answer)));
  }

  void settle(std::string id, std::vector<std::int64_t> amounts, reply<done> answer) override {
    if (auto ok = limit_rules::check_settle(id, amounts); !ok)
      return answer.fail(std::move(ok.error()));
    push(make_settle(std::move(id), std::move(amounts), std::move(answer)));
  }

  void renew(std::vector<std::string> ids, reply<std::vector<std::string>> answer) override {
    if (auto ok = limit_rules::check_renew(ids); !ok) return answer.fail(std::move(ok.error()));
    limit_rules::renew_in_parts(
        std::move(ids), limits::limit_batch_ids, std::move(answer),
        [this](std::vector<std::string> part, reply<std::vector<std::string>> lost) {
          push(make_renew(std::move(part), std::move(lost)));
        });
  }

private:
  using clock = std::chrono::steady_clock;

  void push(std::unique_ptr<limit_call> call) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() < limits::store_queue) {
        waiting_.push_back(std::move(call));
        if (std::exchange(is_busy_, true)) return;
      }
    }
    if (!call) return run_next();
    auto why = make_error(errc::overloaded, "too many requests wait for the store");
    why.retry_after_ms = 1000;
    call->answer(std::move(why));
  }

  /// The next batch, or a step of the sweep when it is time; is_busy_ is ours until it is done.
  void run_next() {
    // Whoever waits has a turn between two steps.
    if (clock::now() >= next_sweep_ && !std::exchange(has_swept_, true)) return sweep();
    has_swept_ = false;
    limit_batch batch;
    {
      const std::lock_guard lock(mutex_);
      is_busy_ = !waiting_.empty();
      if (!is_busy_) return;
      for (std::size_t ids = 0; !waiting_.empty() && batch.size() < limits::limit_batch_calls;) {
        ids += waiting_.front()->ids().size();
        if (!batch.empty() && ids > limits::limit_batch_ids) break;
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    run(std::make_shared<limit_batch>(std::move(batch)));
  }

  void run(std::shared_ptr<limit_batch> batch) {
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

  void sweep() {
    reply<bool> swept([this](result<bool> all) {
      if (!all || *all) next_sweep_ = clock::now() + limits::limit_sweep_every;
      run_next();
    });
    db_->write<bool>(std::move(swept), [this](soci::session& s) -> result<bool> {
      return sweep_limits(s, db_->on());
    });
  }

  const std::shared_ptr<database> db_;
  clock::time_point next_sweep_{}; // whose turn it is reads and writes it
  bool has_swept_ = false;         // likewise: the last job was a step of the sweep
  std::mutex mutex_;
  std::deque<std::unique_ptr<limit_call>> waiting_; // guarded by mutex_
  bool is_busy_ = false; // guarded by mutex_: a job of ours is on its way
};

} // namespace

result<std::unique_ptr<limit_store>> open_limit_store(const sql_config& config) {
  auto opened = database::open(config, limit_schema);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return std::make_unique<sql_limits>(std::move(*opened));
}

} // namespace troupe
