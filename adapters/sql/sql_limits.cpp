#include "adapters/sql/limit_batch.hpp"
#include "messages/base/limits.hpp"

#include <chrono>
#include <deque>
#include <mutex>

namespace troupe {
namespace {

using namespace sql;

/// Gathers the answers of the parts of a renew.
class renewal {
public:
  renewal(std::size_t parts, reply<std::vector<std::string>> answer)
      : waiting_(parts), answer_(std::move(answer)) {}

  void take(result<std::vector<std::string>> got) {
    std::unique_lock lock(mutex_);
    if (got)
      unknown_.insert(unknown_.end(), got->begin(), got->end());
    else
      failed_ = std::move(got.error());
    if (--waiting_ > 0) return;
    lock.unlock(); // this was the last one
    if (failed_) return answer_.fail(std::move(*failed_));
    answer_(std::move(unknown_));
  }

private:
  std::mutex mutex_;
  std::size_t waiting_;
  reply<std::vector<std::string>> answer_;
  std::vector<std::string> unknown_;
  std::optional<error> failed_;
};

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
    if (ids.empty()) return answer(std::move(ids));
    constexpr auto most = limits::limit_batch_ids;
    const auto all = std::make_shared<renewal>((ids.size() + most - 1) / most, std::move(answer));
    for (auto from = ids.begin(); from != ids.end();) {
      const auto to = from + std::min<std::ptrdiff_t>(most, ids.end() - from);
      push(make_renew(
          {std::move_iterator(from), std::move_iterator(to)},
          reply<std::vector<std::string>>([all](auto got) { all->take(std::move(got)); })));
      from = to;
    }
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
