#pragma once

#include "adapters/memory/memory_stores.hpp"
#include "adapters/sql/sql_stores.hpp"
#include "tests/support/ask.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/sql_server.hpp"

#include <gtest/gtest.h>
#include <array>
#include <future>
#include <ostream>
#include <string>
#include <utility>

/// What the contract suites of the stores share: each runs on every adapter.
namespace troupe::test {

enum class adapter { sqlite, sqlite_exclusive, memory, mariadb, postgresql };

inline void PrintTo(adapter a, std::ostream* out) {
  constexpr const char* names[] = {"sqlite", "sqlite_exclusive", "memory", "mariadb", "postgresql"};
  *out << names[static_cast<int>(a)];
}

inline bool is_server(adapter a) {
  return a == adapter::mariadb || a == adapter::postgresql;
}

/// The server of this kind, started with the first test that wants it; null: it is not installed.
inline sql_server_process* server_of(adapter a) {
  static std::array<std::unique_ptr<sql_server_process>, 2> servers;
  auto& slot = servers[a == adapter::mariadb ? 0 : 1];
  if (!slot)
    slot = std::make_unique<sql_server_process>(a == adapter::mariadb ? "mariadb" : "postgresql");
  return slot->is_there() ? slot.get() : nullptr;
}

/// The base of a suite: opens the stores of the adapter under test.
class store_suite : public ::testing::TestWithParam<adapter> {
protected:
  void SetUp() override {
    if (is_server(GetParam()) && server_of(GetParam()) == nullptr)
      GTEST_SKIP() << "the server is not installed (scripts/install-deps --tests)";
  }

  [[nodiscard]] sql_config config() const {
    if (is_server(GetParam())) return {.path = {}, .url = server_of(GetParam())->url()};
    return {folder_.file("store.db"), GetParam() == adapter::sqlite_exclusive};
  }
  [[nodiscard]] account_stores open_auth() const {
    if (is_server(GetParam())) {
      if (server_of(GetParam()) == nullptr) return {};
      server_of(GetParam())->say("fresh");
    }
    if (GetParam() != adapter::memory) return value_of(open_auth_stores(config()));
    return value_of(open_memory_auth_stores());
  }
  [[nodiscard]] prompt_stores open_prompt() const {
    if (GetParam() != adapter::memory) return value_of(open_prompt_stores(config()));
    auto made = make_memory_prompt_stores();
    return {std::move(made.files), std::move(made.stores), std::move(made.conversations)};
  }
  [[nodiscard]] std::unique_ptr<log_store> open_log() const {
    if (GetParam() != adapter::memory) return value_of(open_log_store(config()));
    return make_memory_log_store();
  }

private:
  scratch_folder folder_;
};

/// Names a suite's runs after their adapter.
inline std::string adapter_name(const ::testing::TestParamInfo<adapter>& info) {
  return ::testing::PrintToString(info.param);
}

/// For the stores that may lie on a database server.
#define TROUPE_ON_EVERY_ACCOUNT_ADAPTER(suite)                                       \
  INSTANTIATE_TEST_SUITE_P(                                                          \
      on, suite,                                                                     \
      ::testing::Values(adapter::sqlite, adapter::sqlite_exclusive, adapter::memory, \
                        adapter::mariadb, adapter::postgresql),                      \
      adapter_name)

#define TROUPE_ON_EVERY_ADAPTER(suite)                                                           \
  INSTANTIATE_TEST_SUITE_P(                                                                      \
      on, suite, ::testing::Values(adapter::sqlite, adapter::sqlite_exclusive, adapter::memory), \
      adapter_name)

} // namespace troupe::test
