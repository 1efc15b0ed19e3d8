#pragma once

#include "adapters/http/http_edge.hpp"
#include "messages/codec/json.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::http {

class exchange;
struct edge_state;

/// A whole request on its way to its handler.
struct http_call {
  const edge_state& edge;
  std::shared_ptr<exchange> to;
  std::string body;
  std::string content_type;
  std::vector<json::parameter> query; ///< decoded
  std::vector<json::parameter> path;  ///< of the pattern's `{…}`, decoded
  std::string last_event_id;          ///< of the header `Last-Event-ID`; may be empty
  request_context context;
};

/// Which gate a route needs: without it the route does not exist on this node.
enum class gate_kind : std::uint8_t { none, accounts, chats, documents, logs, cluster, any };

enum class body_kind : std::uint8_t { none, json, optional_json, form };

/// How a route's errors look: as OpenAI's, or as GoTrue's, whose routes are another project's API
/// and no part of the OpenAPI document.
enum class error_form : std::uint8_t { openai, gotrue };

/// One line of the API. The OpenAPI document is made from the same lines.
struct route {
  std::string_view method;
  std::string_view pattern; ///< `{x}` is one segment, `{x...}` all that is left
  void (*run)(http_call&);  ///< on the connection's thread; must not block; may throw
  gate_kind gate = gate_kind::none;
  body_kind body = body_kind::none;
  bool is_public = false;
  unsigned status = 200;
  std::string_view request_type; ///< a schema's name in the document, mostly a message's, or empty
  std::string_view reply_type;   ///< the same, or empty for any JSON, text or bytes
  std::string_view reply_media = "application/json";
  std::string_view summary;
  std::string_view events = {};        ///< `event:schema` of what is streamed, with blanks between
  std::string_view more_statuses = {}; ///< of errors that only this route has: `403 409`
  error_form errors = error_form::openai;
  /// Its callers take turns (caller_turns.hpp). Not what waits for a model and hardly uses this
  /// program meanwhile, what stops that, nor what says how this node is.
  bool takes_turns = true;
};

struct route_match {
  const route* found = nullptr;
  std::vector<json::parameter> path;
  std::string allow;      ///< when the path exists with other methods only: `GET, POST`
  bool malformed = false; ///< a percent escape in the path is no such
};

class route_table {
public:
  /// All routes whose gates are there.
  explicit route_table(const http_gates& gates);

  /// HEAD finds GET's route, but for those of GoTrue.
  [[nodiscard]] route_match find(std::string_view method, std::string_view path) const;
  [[nodiscard]] const std::vector<route>& routes() const noexcept { return routes_; }

private:
  std::vector<route> routes_;
  std::unordered_map<std::string_view, std::vector<const route*>> exact_;
  std::vector<const route*> patterns_;
};

// The lines, by gate.
void add_account_routes(std::vector<route>& out);
void add_admin_routes(std::vector<route>& out);
void add_organization_routes(std::vector<route>& out);
void add_chat_routes(std::vector<route>& out);
void add_document_routes(std::vector<route>& out);
void add_log_routes(std::vector<route>& out);
void add_cluster_routes(std::vector<route>& out);
void add_system_routes(std::vector<route>& out);
void add_supabase_routes(std::vector<route>& out);
void add_supabase_admin_routes(std::vector<route>& out);

/// A handler that two lines share: the public keys of access tokens.
void show_jwks(http_call& in);

} // namespace troupe::http
