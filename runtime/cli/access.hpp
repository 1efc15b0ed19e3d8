#pragma once

#include "messages/base/result.hpp"
#include "runtime/config_loader.hpp"

#include <string>

namespace troupe::cli {

/// What the flags of a client command say; empty: not given.
struct access_options {
  std::string url;
  std::string key;
  std::string data;
};

/// Where the server is and who we are.
struct access {
  std::string url; ///< `http://127.0.0.1:8000`: no slash and no /v1 at the end
  std::string key;
};

/// The address from --url, TROUPE_URL, else http://127.0.0.1:8000; the key from --key,
/// TROUPE_API_KEY, else DIR/admin.key with DIR from --data, TROUPE_DATA, else `data`. Reads that
/// file. Errors: `invalid_argument`, `unauthenticated` when there is no key anywhere.
[[nodiscard]] result<access> resolve_access(const access_options& flags,
                                            const environment& variables);

} // namespace troupe::cli
