#pragma once

#include "messages/accounts.hpp"
#include "messages/base/result.hpp"
#include "runtime/cli/access.hpp"
#include "runtime/cli/http_client.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// The calls of the HTTP API that the commands need. Errors carry the server's own message, with a
/// hint where the user can act. A server that is busy (429, 503) is asked again a few times.
namespace troupe::cli {

struct remote_store {
  std::string id;
  std::string name;
  std::int64_t in_progress = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t total = 0;
};

struct remote_file {
  std::string id;
  std::string name;
  std::string sha256; ///< hex
};

struct indexed_file {
  std::string id;
  std::string status; ///< in_progress, completed, failed, cancelled
  std::string why;    ///< of a failure
  std::string path;   ///< the attribute that `troupe ingest` leaves; may be empty
};

struct api_key {
  std::string id;
  std::string name;
  std::string hint;
  std::int64_t created_at = 0;          ///< Unix seconds
  std::string key = {};                 ///< only of a new one
  std::vector<std::string> scopes = {}; ///< empty: whatever its owner may
  std::int64_t expires_at = 0;          ///< Unix seconds; 0: never
  std::int64_t last_used_at = 0;        ///< Unix seconds; 0: never
};

/// What a new key is to be.
struct key_wish {
  std::string name;
  std::vector<std::string> scopes;
  std::int64_t expires_in = 0; ///< seconds; 0: never
  std::string organization;
  std::string user; ///< admins: its owner
};

/// One thread at a time.
class api_client {
public:
  explicit api_client(const access& to) : url_(to.url), http_(to.url, to.key) {}

  [[nodiscard]] result<std::vector<remote_store>> list_stores();
  /// By name or by id. Errors: `not_found`; `conflict` when several have the name.
  [[nodiscard]] result<remote_store> find_store(const std::string& name);
  [[nodiscard]] result<remote_store> get_store(const std::string& id);
  [[nodiscard]] result<remote_store> create_store(const std::string& name);

  [[nodiscard]] result<std::vector<remote_file>> list_files();
  [[nodiscard]] result<remote_file> upload(const std::filesystem::path& file,
                                           const std::string& name);
  [[nodiscard]] result<void> delete_file(const std::string& id);
  /// `path` becomes the attribute of that name.
  [[nodiscard]] result<void> attach(const std::string& store, const std::string& file,
                                    const std::string& path);
  [[nodiscard]] result<std::vector<indexed_file>> list_store_files(const std::string& store);

  // `user`: admins name whose keys; empty: one's own.
  [[nodiscard]] result<api_key> create_key(const key_wish& wish);
  [[nodiscard]] result<std::vector<api_key>> list_keys(const std::string& user);
  [[nodiscard]] result<api_key> rotate_key(const std::string& id, std::int64_t overlap_seconds,
                                           const std::string& user);
  [[nodiscard]] result<void> revoke_key(const std::string& id, const std::string& user);

  /// For admins. `subject`: `key:ID`, `user:ID` or `org:ID`.
  [[nodiscard]] result<caps_view> get_caps(const std::string& subject);
  [[nodiscard]] result<caps_view> put_caps(const put_caps_request& caps);

  [[nodiscard]] result<import_users_reply> import_users(const import_users_request& batch);

  /// Sends one request; 2xx only, other statuses are errors. With request.on_data nothing is tried
  /// twice once bytes came.
  [[nodiscard]] result<std::string> ask(const http_request& request);

private:
  std::string url_;
  http_client http_;
};

/// `message` of an OpenAI-shaped error body, or what can be told from the status.
[[nodiscard]] error error_of(const http_response& response);

} // namespace troupe::cli
