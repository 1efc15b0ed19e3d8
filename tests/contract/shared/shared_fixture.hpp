#pragma once

#include "adapters/memory/memory_stores.hpp"
#include "adapters/redis/redis_stores.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "tests/support/ask.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/sql_server.hpp"

#include <gtest/gtest.h>
#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

/// What the suites of the ports share whose stores all nodes have together.
namespace troupe::test {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

enum class shared_by { memory, redis, redis_tls, redis_cluster, sqlite, mariadb, postgresql };

inline void PrintTo(shared_by a, std::ostream* out) {
  constexpr const char* names[] = {"memory", "redis",   "redis_tls", "redis_cluster",
                                   "sqlite", "mariadb", "postgresql"};
  *out << names[static_cast<int>(a)];
}
inline std::string adapter_name(const ::testing::TestParamInfo<shared_by>& info) {
  return ::testing::PrintToString(info.param);
}

inline bool on_redis(shared_by a) {
  return a == shared_by::redis || a == shared_by::redis_tls || a == shared_by::redis_cluster;
}
inline bool on_sql_server(shared_by a) {
  return a == shared_by::mariadb || a == shared_by::postgresql;
}

/// The server of this kind, started with the first test that wants it; null: none is wanted, or it
/// is not installed.
inline server_process* server_of(shared_by a) {
  static std::array<std::unique_ptr<server_process>, 7> servers;
  constexpr const char* kinds[] = {"", "plain", "tls", "cluster", "", "mariadb", "postgresql"};
  const auto n = static_cast<std::size_t>(a);
  if (!servers[n] && on_redis(a)) servers[n] = std::make_unique<redis_server_process>(kinds[n]);
  if (!servers[n] && on_sql_server(a)) servers[n] = std::make_unique<sql_server_process>(kinds[n]);
  return servers[n] && servers[n]->is_there() ? servers[n].get() : nullptr;
}

/// Opens stores as nodes of one installation would. Each test finds an empty store.
class shared_suite : public ::testing::TestWithParam<shared_by> {
protected:
  void SetUp() override {
    if (!on_redis(GetParam()) && !on_sql_server(GetParam())) return;
    if (server_of(GetParam()) == nullptr)
      GTEST_SKIP() << "the server is not installed (scripts/install-deps --tests)";
    say("fresh");
  }

  void say(const std::string& word) { server_of(GetParam())->say(word); }

  /// A node: stores of its own. In memory there is but one node. On SQL there are limits alone.
  redis_stores open(std::chrono::milliseconds timeout = limits::redis_timeout) {
    if (GetParam() == shared_by::memory)
      return {make_memory_limit_store(), make_memory_session_cache()};
    if (!on_redis(GetParam())) return {value_of(open_limit_store(sql())), nullptr};
    redis_config config;
    config.url.value = server_of(GetParam())->url();
    config.loop = &loop_.context();
    config.timeout = timeout;
    auto out = value_of(make_redis_stores(config));
    value_of(get(*out.sessions, "is it there")); // waits for the connection
    return out;
  }
  [[nodiscard]] sql_config sql() const {
    if (GetParam() == shared_by::sqlite) return {.path = folder_.file("limits.db")};
    return {.path = {}, .url = server_of(GetParam())->url()};
  }
  [[nodiscard]] static std::size_t node_count() { return GetParam() == shared_by::memory ? 1 : 4; }

  static result<cached_session> get(session_cache& in, const std::string& key) {
    return ask<cached_session>([&](auto r) { in.get(key, std::move(r)); });
  }
  static result<done> put(session_cache& in, const std::string& key, const std::string& text,
                          std::chrono::milliseconds ttl = 1min) {
    return ask<done>([&](auto r) { in.put(key, text, ttl, std::move(r)); });
  }
  static result<done> revoke(session_cache& in, std::vector<std::string> keys,
                             std::chrono::milliseconds ttl = 1min) {
    return ask<done>([&](auto r) { in.revoke(std::move(keys), ttl, std::move(r)); });
  }
  static result<limit_verdict> reserve(limit_store& in, const std::string& id,
                                       std::vector<limit_want> wants) {
    return ask<limit_verdict>([&](auto r) { in.reserve(id, std::move(wants), std::move(r)); });
  }
  static result<done> settle(limit_store& in, const std::string& id,
                             std::vector<std::int64_t> amounts) {
    return ask<done>([&](auto r) { in.settle(id, std::move(amounts), std::move(r)); });
  }
  static result<std::vector<std::string>> renew(limit_store& in, std::vector<std::string> ids) {
    return ask<std::vector<std::string>>([&](auto r) { in.renew(std::move(ids), std::move(r)); });
  }

  scratch_folder folder_;
  loop_thread loop_; // outlives what the tests open on it
};

inline const cached_session absent{};
inline const cached_session revoked{cached_session::state::revoked, {}};
inline cached_session found(std::string text) {
  return {cached_session::state::found, std::move(text)};
}

inline limit_want want(std::string scope, limit_kind kind, std::int64_t most,
                       std::chrono::milliseconds window = 1min, std::int64_t amount = 1) {
  return {std::move(scope), kind, most, window, amount};
}

} // namespace troupe::test
