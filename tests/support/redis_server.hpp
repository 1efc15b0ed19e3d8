#pragma once

#include "tests/support/server_process.hpp"

namespace troupe::test {

/// A Redis of the test's own (tests/support/redis_server.py, which says the words): `plain`, `tls`
/// or `cluster`.
class redis_server_process : public server_process {
public:
  explicit redis_server_process(const std::string& kind)
      : server_process(TROUPE_REDIS_SERVER, kind) {}
};

} // namespace troupe::test
