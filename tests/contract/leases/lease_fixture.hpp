#pragma once

#include "adapters/memory/memory_stores.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "tests/support/ask.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/sql_server.hpp"

#include <gtest/gtest.h>
#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

/// What the suites of lease_store share.
namespace troupe::test {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

enum class leases_on { memory, sqlite, mariadb, postgresql };

inline void PrintTo(leases_on a, std::ostream* out) {
  constexpr const char* names[] = {"memory", "sqlite", "mariadb", "postgresql"};
  *out << names[static_cast<int>(a)];
}
inline std::string adapter_name(const ::testing::TestParamInfo<leases_on>& info) {
  return ::testing::PrintToString(info.param);
}
inline bool is_server(leases_on a) {
  return a == leases_on::mariadb || a == leases_on::postgresql;
}

/// The server of this kind, started with the first test that wants it; null: it is not installed.
inline sql_server_process* server_of(leases_on a) {
  static std::array<std::unique_ptr<sql_server_process>, 2> servers;
  auto& slot = servers[a == leases_on::mariadb ? 0 : 1];
  if (!slot)
    slot = std::make_unique<sql_server_process>(a == leases_on::mariadb ? "mariadb" : "postgresql");
  return slot->is_there() ? slot.get() : nullptr;
}

/// Opens stores as nodes of one installation would. Each test finds an empty store.
class lease_suite : public ::testing::TestWithParam<leases_on> {
protected:
  void SetUp() override {
    if (!is_server(GetParam())) return;
    if (server_of(GetParam()) == nullptr)
      GTEST_SKIP() << "the server is not installed (scripts/install-deps --tests)";
    server_of(GetParam())->say("fresh");
  }

  /// A store of a node's own; in memory all share one.
  std::shared_ptr<lease_store> open() {
    if (GetParam() != leases_on::memory) return value_of(open_lease_store(sql()));
    if (!memory_) memory_ = make_memory_lease_store();
    return memory_;
  }
  [[nodiscard]] sql_config sql() const {
    if (!is_server(GetParam())) return {.path = folder_.file("leases.db")};
    return {.path = {}, .url = server_of(GetParam())->url()};
  }

  static constexpr const char* service = "limits/v1";

  static result<std::vector<lease_verdict>> take(lease_store& in, const std::string& node,
                                                 std::vector<shard_number> shards,
                                                 std::chrono::milliseconds ttl = 30s) {
    return ask<std::vector<lease_verdict>>(
        [&](auto r) { in.take(service, node, std::move(shards), ttl, std::move(r)); });
  }
  static lease_verdict take_one(lease_store& in, const std::string& node, shard_number shard = 0,
                                std::chrono::milliseconds ttl = 30s) {
    return value_of(take(in, node, {shard}, ttl)).at(0);
  }
  static result<std::vector<lease_kept>> keep(lease_store& in, const std::string& node,
                                              std::vector<lease_hold> holds,
                                              std::chrono::milliseconds ttl = 30s) {
    return ask<std::vector<lease_kept>>(
        [&](auto r) { in.keep(service, node, std::move(holds), ttl, std::move(r)); });
  }
  static lease_kept keep_one(lease_store& in, const std::string& node, lease_hold hold,
                             std::chrono::milliseconds ttl = 30s) {
    return value_of(keep(in, node, {std::move(hold)}, ttl)).at(0);
  }
  static result<std::vector<shard_number>> give(lease_store& in, const std::string& node,
                                                std::vector<lease_hold> holds) {
    return ask<std::vector<shard_number>>(
        [&](auto r) { in.give(service, node, std::move(holds), std::move(r)); });
  }
  /// Whether it was this node's to give.
  static bool give_one(lease_store& in, const std::string& node, lease_hold hold) {
    return value_of(give(in, node, {std::move(hold)})).empty();
  }
  static result<std::vector<std::string>> join(lease_store& in, const std::string& node,
                                               std::chrono::milliseconds ttl = 30s) {
    return ask<std::vector<std::string>>(
        [&](auto r) { in.join(service, node, ttl, std::move(r)); });
  }
  static result<done> leave(lease_store& in, const std::string& node) {
    return ask<done>([&](auto r) { in.leave(service, node, std::move(r)); });
  }

  scratch_folder folder_;
  std::shared_ptr<memory_lease_store> memory_;
};

} // namespace troupe::test
