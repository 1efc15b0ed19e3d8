#include "adapters/sql/limit_batch.hpp"

#include "messages/base/limits.hpp"

#include <algorithm>

namespace troupe::sql {
namespace {

using limit_rules::limit_book;
using soci::into;

using id_set = std::set<std::string>;

/// The bound on a counter's row: a stream more than this is refused, not queued.
bool has_room(const limit_book& book, const std::vector<limit_want>& wants) {
  return std::ranges::none_of(wants, [&](const limit_want& want) {
    const auto at = book.counters.find(limit_book::name_of(want));
    const auto* leases =
        at == book.counters.end() ? nullptr : std::get_if<limit_rules::lease_set>(&at->second);
    return leases != nullptr && leases->leases().size() >= limits::limit_leases;
  });
}

class reserve_call final : public limit_call {
public:
  reserve_call(std::string id, std::vector<limit_want> wants, reply<limit_verdict> answer)
      : id_(std::move(id)), wants_(std::move(wants)), answer_(std::move(answer)) {}

  std::vector<std::string> ids() const override { return {id_}; }
  std::vector<std::string> counters() const override {
    std::vector<std::string> out;
    for (const auto& want : wants_) out.push_back(limit_book::name_of(want));
    return out;
  }
  void decide(limit_book& book, const id_set&, std::int64_t now) override {
    if (book.find(id_, now) == nullptr && !has_room(book, wants_))
      said_ = fail(errc::overloaded, "too many streams are counted in one limit");
    else
      said_ = book.reserve(id_, wants_, now);
  }
  void answer(const std::optional<error>& why) override {
    why ? answer_.fail(*why) : answer_(std::move(said_));
  }

private:
  const std::string id_;
  const std::vector<limit_want> wants_;
  reply<limit_verdict> answer_;
  result<limit_verdict> said_;
};

class settle_call final : public limit_call {
public:
  settle_call(std::string id, std::vector<std::int64_t> amounts, reply<done> answer)
      : id_(std::move(id)), amounts_(std::move(amounts)), answer_(std::move(answer)) {}

  std::vector<std::string> ids() const override { return {id_}; }
  void decide(limit_book& book, const id_set& known, std::int64_t now) override {
    if (known.contains(id_)) book.settle(id_, amounts_, now);
  }
  void answer(const std::optional<error>& why) override {
    why ? answer_.fail(*why) : answer_(done{});
  }

private:
  const std::string id_;
  const std::vector<std::int64_t> amounts_;
  reply<done> answer_;
};

class renew_call final : public limit_call {
public:
  renew_call(std::vector<std::string> ids, reply<std::vector<std::string>> answer)
      : ids_(std::move(ids)), answer_(std::move(answer)) {}

  std::vector<std::string> ids() const override { return ids_; }
  void decide(limit_book& book, const id_set& known, std::int64_t now) override {
    unknown_.clear();
    for (const auto& id : ids_)
      if (!known.contains(id) || !book.renew(id, now)) unknown_.push_back(id);
  }
  void answer(const std::optional<error>& why) override {
    why ? answer_.fail(*why) : answer_(std::move(unknown_));
  }

private:
  const std::vector<std::string> ids_;
  reply<std::vector<std::string>> answer_;
  std::vector<std::string> unknown_;
};

std::vector<std::string> listed(const id_set& from) {
  return {from.begin(), from.end()};
}

/// One batch between its tables and its decisions.
class transaction {
public:
  transaction(soci::session& session, const engine& on)
      : session_(session),
        on_(on),
        counter_table_(session, on, "limit_counters", "state"),
        record_table_(session, on, "limit_records", "wants") {}

  void run(const limit_batch& calls) {
    id_set ids, counters;
    for (const auto& call : calls) {
      for (const auto& id : call->ids()) ids.insert(escaped(id));
      for (const auto& name : call->counters()) counters.insert(escaped(name));
    }
    auto known = add_counters_of(record_table_.read(listed(ids)), counters);
    lock(listed(counters));
    // Others may have settled them while we waited for the locks.
    records_ = record_table_.read(listed(ids));
    for (const auto& [name, row] : records_) book_.records[unescaped(name)] = record_of(row);
    const auto now = clock();
    for (auto& [name, each] : book_.counters) std::visit([&](auto& c) { c.slide(now); }, each);
    for (const auto& call : calls) call->decide(book_, known, now);
    keep();
  }

private:
  /// The names of the counters that these reservations took from; answers the reservations' ids.
  static id_set add_counters_of(const limit_rows& records, id_set& to) {
    id_set out;
    for (const auto& [name, row] : records) {
      out.insert(unescaped(name));
      for (const auto& each : record_of(row).wants) to.insert(escaped(each.counter));
    }
    return out;
  }
  void lock(const std::vector<std::string>& names) {
    if (names.empty()) return;
    counter_table_.lock(names);
    counters_ = counter_table_.read(names);
    for (const auto& [escaped_name, row] : counters_) {
      const auto name = unescaped(escaped_name);
      book_.counters.emplace(name, counter_of(name, row.text));
    }
  }
  std::int64_t clock() {
    long long now = 0;
    session_ << "select " + std::string(on_.clock_ms()), into(now);
    return now;
  }
  /// Writes what has changed. A record that is new now and was made by somebody else meanwhile is a
  /// conflict, and all is decided again.
  void keep() {
    limit_rows counters, made, changed;
    for (const auto& [name, each] : book_.counters)
      if (auto row = row_of(each); row.text != counters_[escaped(name)].text)
        counters[escaped(name)] = std::move(row);
    for (const auto& [id, each] : book_.records) {
      auto row = row_of(each);
      const auto was = records_.find(escaped(id));
      if (was == records_.end())
        made[escaped(id)] = std::move(row);
      else if (row.text != was->second.text || row.expires_at != was->second.expires_at)
        changed[was->first] = std::move(row);
    }
    counter_table_.replace(counters);
    record_table_.replace(changed);
    record_table_.insert(made);
  }

  soci::session& session_;
  const engine& on_;
  const limit_table counter_table_, record_table_;
  limit_rows counters_, records_; // as they were read
  limit_book book_;
};

} // namespace

std::unique_ptr<limit_call> make_reserve(std::string id, std::vector<limit_want> wants,
                                         reply<limit_verdict> answer) {
  return std::make_unique<reserve_call>(std::move(id), std::move(wants), std::move(answer));
}
std::unique_ptr<limit_call> make_settle(std::string id, std::vector<std::int64_t> amounts,
                                        reply<done> answer) {
  return std::make_unique<settle_call>(std::move(id), std::move(amounts), std::move(answer));
}
std::unique_ptr<limit_call> make_renew(std::vector<std::string> ids,
                                       reply<std::vector<std::string>> answer) {
  return std::make_unique<renew_call>(std::move(ids), std::move(answer));
}

void decide(const limit_batch& calls, soci::session& session, const engine& on) {
  transaction(session, on).run(calls);
}

bool sweep_limits(soci::session& session, const engine& on) {
  long long now = 0;
  session << "select " + std::string(on.clock_ms()), into(now);
  const std::chrono::milliseconds delay = limits::limit_sweep_delay;
  bool all = true;
  for (const auto& [table, text] :
       {std::pair("limit_counters", "state"), std::pair("limit_records", "wants")})
    all &=
        limit_table(session, on, table, text).sweep(now - delay.count()) < limits::limit_sweep_rows;
  return all;
}

} // namespace troupe::sql
