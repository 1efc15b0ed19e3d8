#include "adapters/sql/lease_batch.hpp"

namespace troupe::sql {
namespace {

/// What the calls have in common: whose they are, and the answer.
template <class T>
class call_of : public lease_call {
public:
  call_of(std::string service, std::string node, reply<T> answer)
      : service_(std::move(service)), node_(std::move(node)), answer_(std::move(answer)) {}
  void answer(const std::optional<error>& why) final {
    why ? answer_.fail(*why) : answer_(std::move(said_));
  }

protected:
  const std::string service_, node_;
  T said_{};

private:
  reply<T> answer_;
};

std::vector<lease_key> keys_of(const std::string& service, const std::vector<lease_hold>& holds) {
  std::vector<lease_key> out;
  for (const auto& each : holds) out.push_back({service, each.shard});
  return out;
}

std::size_t bytes_of(const std::vector<lease_hold>& holds) {
  std::size_t out = 0;
  for (const auto& each : holds) out += each.state ? each.state->size() : 0;
  return out;
}

class join_call final : public call_of<std::vector<std::string>> {
public:
  join_call(std::string service, std::string node, std::chrono::milliseconds ttl,
            reply<std::vector<std::string>> answer)
      : call_of(std::move(service), std::move(node), std::move(answer)), ttl_(ttl) {}
  void decide(lease_desk& desk) override {
    desk.tables.join(service_, node_, desk.now, ttl_);
    desk.tables.forget_members(service_, desk.now);
    said_ = desk.tables.members(service_, desk.now);
  }

private:
  const std::chrono::milliseconds ttl_;
};

class leave_call final : public call_of<done> {
public:
  using call_of::call_of;
  void decide(lease_desk& desk) override { desk.tables.leave(service_, node_); }
};

class take_call final : public call_of<std::vector<lease_verdict>> {
public:
  take_call(std::string service, std::string node, std::vector<shard_number> shards,
            std::chrono::milliseconds ttl, reply<std::vector<lease_verdict>> answer)
      : call_of(std::move(service), std::move(node), std::move(answer)),
        shards_(std::move(shards)),
        ttl_(ttl) {}
  std::vector<lease_key> keys() const override {
    std::vector<lease_key> out;
    for (const auto each : shards_) out.push_back({service_, each});
    return out;
  }
  void decide(lease_desk& desk) override {
    said_.clear();
    for (const auto shard : shards_) {
      auto& row = desk.rows[{service_, shard}];
      said_.push_back(lease_rules::take(row, shard, node_, desk.now, ttl_));
      if (said_.back().granted && row.saved != lease_rules::lease_time{})
        said_.back().state = desk.tables.read_state({service_, shard});
    }
  }

private:
  const std::vector<shard_number> shards_;
  const std::chrono::milliseconds ttl_;
};

class keep_call final : public call_of<std::vector<lease_kept>> {
public:
  keep_call(std::string service, std::string node, std::vector<lease_hold> holds,
            std::chrono::milliseconds ttl, reply<std::vector<lease_kept>> answer)
      : call_of(std::move(service), std::move(node), std::move(answer)),
        holds_(std::move(holds)),
        ttl_(ttl) {}
  std::vector<lease_key> keys() const override { return keys_of(service_, holds_); }
  std::size_t bytes() const override { return bytes_of(holds_); }
  void decide(lease_desk& desk) override {
    said_.clear();
    for (const auto& hold : holds_) {
      const lease_key key{service_, hold.shard};
      said_.push_back(lease_rules::keep(desk.rows[key], hold, node_, desk.now, ttl_));
      if (said_.back().kept && hold.state) desk.tables.replace_state(key, *hold.state);
    }
  }

private:
  const std::vector<lease_hold> holds_;
  const std::chrono::milliseconds ttl_;
};

class give_call final : public call_of<std::vector<shard_number>> {
public:
  give_call(std::string service, std::string node, std::vector<lease_hold> holds,
            reply<std::vector<shard_number>> answer)
      : call_of(std::move(service), std::move(node), std::move(answer)), holds_(std::move(holds)) {}
  std::vector<lease_key> keys() const override { return keys_of(service_, holds_); }
  std::size_t bytes() const override { return bytes_of(holds_); }
  void decide(lease_desk& desk) override {
    said_.clear();
    for (const auto& hold : holds_) {
      const lease_key key{service_, hold.shard};
      const auto outcome = lease_rules::give(desk.rows[key], hold, node_, desk.now);
      if (outcome == lease_rules::given::not_ours) said_.push_back(hold.shard);
      if (outcome == lease_rules::given::now && hold.state)
        desk.tables.replace_state(key, *hold.state);
    }
  }

private:
  const std::vector<lease_hold> holds_;
};

/// Most calls keep leases and change nothing but their time, which costs one short statement for
/// all.
void write_down(const lease_desk& desk, const lease_rows& before) {
  lease_rows changed;
  std::map<std::pair<std::string, std::int64_t>, std::string> longer; // by service and time: shards
  for (const auto& [key, row] : desk.rows) {
    auto as_before = row;
    as_before.until = before.at(key).until;
    if (row == before.at(key)) continue;
    if (as_before != before.at(key)) {
      changed.emplace(key, row);
      continue;
    }
    auto& shards = longer[{key.service, row.until}];
    shards += (shards.empty() ? "" : ", ") + std::to_string(key.shard);
  }
  desk.tables.replace(changed);
  for (const auto& [which, shards] : longer)
    desk.tables.lengthen(which.first, shards, which.second);
}

} // namespace

std::unique_ptr<lease_call> make_join(std::string service, std::string node,
                                      std::chrono::milliseconds ttl,
                                      reply<std::vector<std::string>> answer) {
  return std::make_unique<join_call>(std::move(service), std::move(node), ttl, std::move(answer));
}
std::unique_ptr<lease_call> make_leave(std::string service, std::string node, reply<done> answer) {
  return std::make_unique<leave_call>(std::move(service), std::move(node), std::move(answer));
}
std::unique_ptr<lease_call> make_take(std::string service, std::string node,
                                      std::vector<shard_number> shards,
                                      std::chrono::milliseconds ttl,
                                      reply<std::vector<lease_verdict>> answer) {
  return std::make_unique<take_call>(std::move(service), std::move(node), std::move(shards), ttl,
                                     std::move(answer));
}
std::unique_ptr<lease_call> make_keep(std::string service, std::string node,
                                      std::vector<lease_hold> holds, std::chrono::milliseconds ttl,
                                      reply<std::vector<lease_kept>> answer) {
  return std::make_unique<keep_call>(std::move(service), std::move(node), std::move(holds), ttl,
                                     std::move(answer));
}
std::unique_ptr<lease_call> make_give(std::string service, std::string node,
                                      std::vector<lease_hold> holds,
                                      reply<std::vector<shard_number>> answer) {
  return std::make_unique<give_call>(std::move(service), std::move(node), std::move(holds),
                                     std::move(answer));
}

void decide(const lease_batch& calls, soci::session& session, const engine& on) {
  lease_desk desk{lease_tables(session, on), {}, {}};
  for (const auto& call : calls)
    for (auto& key : call->keys()) desk.rows.try_emplace(std::move(key));
  desk.tables.lock(desk.rows);
  desk.now = on.lease_now(session);
  const auto before = desk.rows;
  for (const auto& call : calls) call->decide(desk);
  write_down(desk, before);
}

} // namespace troupe::sql
