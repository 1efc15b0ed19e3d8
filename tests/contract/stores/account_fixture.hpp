#pragma once

#include "tests/contract/stores/store_fixture.hpp"

#include <string>
#include <vector>

/// What the suites of the accounts share: the stores of one database and short ways to ask them.
namespace troupe::test {

class account_suite : public store_suite {
protected:
  static user_row user(const std::string& id, const std::string& email) {
    user_row out;
    out.id = id;
    out.email = email;
    out.name = "Name of " + id;
    out.created_at = out.updated_at = "2026-01-01T00:00:00Z";
    return out;
  }
  static session_row session(const std::string& id, const std::string& user_id = "u1") {
    session_row out;
    out.id = id;
    out.user_id = user_id;
    out.refresh_hash = "hash-" + id;
    out.created_at = 100;
    out.expires_at = 5'000'000'000; // past 32 bits
    out.method = "password";
    return out;
  }

  static api_key_row api_key(const std::string& id, const std::string& user_id,
                             std::int64_t created_at = 1) {
    api_key_row out;
    out.id = id;
    out.user_id = user_id;
    out.name = "name " + id;
    out.hash = "hash-" + id;
    out.hint = "tr-…" + id;
    out.created_at = created_at;
    return out;
  }

  result<done> insert(const user_row& row, std::vector<identity_row> identities = {}) {
    return ask<done>([&](auto r) { in_.users->insert_user(row, identities, std::move(r)); });
  }
  result<done> insert(const session_row& row) {
    return ask<done>([&](auto r) { in_.sessions->insert_session(row, std::move(r)); });
  }
  result<user_row> by_id(const std::string& id) {
    return ask<user_row>([&](auto r) { in_.users->user_by_id(id, std::move(r)); });
  }
  result<session_row> session_by_id(const std::string& id) {
    return ask<session_row>([&](auto r) { in_.sessions->session_by_id(id, std::move(r)); });
  }

  account_stores in_ = open_auth();
};

} // namespace troupe::test
