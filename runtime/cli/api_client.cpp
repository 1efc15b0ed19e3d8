#include "runtime/cli/api_client.hpp"

#include "messages/codec/json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <thread>

namespace troupe::cli {
namespace {

namespace json = boost::json;

constexpr int tries_max = 6;
constexpr std::size_t attribute_bytes_max = 512; // as OpenAI has it
constexpr std::chrono::seconds wait_max{10};

const json::value& member(const json::value& in, std::string_view name) {
  static const json::value none;
  const auto* object = in.if_object();
  const auto* found = object != nullptr ? object->if_contains(name) : nullptr;
  return found != nullptr ? *found : none;
}

std::string text(const json::value& in, std::string_view name) {
  const auto* found = member(in, name).if_string();
  return found != nullptr ? std::string(*found) : std::string();
}

std::int64_t number(const json::value& in, std::string_view name) {
  boost::system::error_code ignored;
  return member(in, name).to_number<std::int64_t>(ignored);
}

result<json::value> parse(const std::string& body) {
  boost::system::error_code wrong;
  auto parsed = json::parse(body, wrong);
  if (wrong || !parsed.is_object()) {
    return fail(errc::internal, "the server's answer is no JSON object: is this a troupe server?");
  }
  return parsed;
}

remote_store to_store(const json::value& in) {
  const json::value& counts = member(in, "file_counts");
  return {text(in, "id"),
          text(in, "name"),
          number(counts, "in_progress"),
          number(counts, "completed"),
          number(counts, "failed"),
          number(counts, "total")};
}

remote_file to_file(const json::value& in) {
  return {text(in, "id"), text(in, "filename"), text(in, "sha256")};
}

indexed_file to_indexed(const json::value& in) {
  return {text(in, "id"), text(in, "status"), text(member(in, "last_error"), "message"),
          text(member(in, "attributes"), "path")};
}

api_key to_key(const json::value& in) {
  api_key out{text(in, "id"), text(in, "name"), text(in, "hint"), number(in, "created_at"),
              text(in, "key")};
  if (const auto* scopes = member(in, "scopes").if_array())
    for (const auto& scope : *scopes)
      if (const auto* word = scope.if_string()) out.scopes.emplace_back(*word);
  out.expires_at = number(in, "expires_at");
  out.last_used_at = number(in, "last_used_at");
  return out;
}

template <class T>
result<T> to_one(const result<std::string>& body, T (*convert)(const json::value&)) {
  if (!body) return std::unexpected(body.error());
  auto parsed = parse(*body);
  if (!parsed) return std::unexpected(parsed.error());
  return convert(*parsed);
}

result<void> to_nothing(const result<std::string>& body) {
  if (!body) return std::unexpected(body.error());
  return {};
}

/// All pages of a list; `path` ends in a query to which `&after=` can be added.
template <class T>
result<std::vector<T>> all_pages(api_client& api, const std::string& path,
                                 T (*convert)(const json::value&)) {
  std::vector<T> out;
  std::string after;
  for (;;) {
    auto body = api.ask({.path = after.empty() ? path : path + "&after=" + escape(after)});
    if (!body) return std::unexpected(body.error());
    auto page = parse(*body);
    if (!page) return std::unexpected(page.error());
    const auto* data = member(*page, "data").if_array();
    if (data == nullptr || data->empty()) return out;
    for (const auto& item : *data) out.push_back(convert(item));
    const auto* more = member(*page, "has_more").if_bool();
    const std::string last = out.back().id;
    if (more == nullptr || !*more || last == after) return out;
    after = last;
  }
}

bool is_busy(int status) {
  return status == 429 || status == 503;
}

std::string hint_for(int status) {
  if (status == 401) return " (check --key, TROUPE_API_KEY or --data)";
  return {};
}

errc code_of(int status) {
  switch (status) {
    case 400:
      return errc::invalid_argument;
    case 401:
      return errc::unauthenticated;
    case 403:
      return errc::forbidden;
    case 404:
      return errc::not_found;
    case 409:
      return errc::conflict;
    case 413:
      return errc::too_large;
    case 415:
      return errc::unsupported_media;
    case 429:
      return errc::rate_limited;
    case 503:
      return errc::unavailable;
    default:
      return errc::internal;
  }
}

} // namespace

error error_of(const http_response& response) {
  std::string message;
  if (const auto parsed = parse(response.body)) {
    const json::value& inner = member(*parsed, "error");
    message = inner.is_string() ? std::string(inner.get_string()) : text(inner, "message");
  }
  if (message.empty()) message = "the server answered " + std::to_string(response.status);
  error out = make_error(code_of(response.status), message + hint_for(response.status));
  out.status = static_cast<std::uint16_t>(response.status);
  return out;
}

result<std::string> api_client::ask(const http_request& request) {
  std::chrono::milliseconds pause{250};
  for (int attempt = 1;; ++attempt) {
    auto response = http_.send(request);
    if (!response) return std::unexpected(response.error());
    if (response->status >= 200 && response->status < 300) return std::move(response->body);
    if (!is_busy(response->status) || attempt == tries_max)
      return std::unexpected(error_of(*response));
    const std::chrono::milliseconds asked = std::chrono::seconds(response->retry_after_s);
    std::this_thread::sleep_for(
        std::min<std::chrono::milliseconds>(std::max(pause, asked), wait_max));
    pause *= 2;
  }
}

result<std::vector<remote_store>> api_client::list_stores() {
  return all_pages(*this, "/v1/vector_stores?limit=100", to_store);
}

result<remote_store> api_client::find_store(const std::string& name) {
  auto stores = list_stores();
  if (!stores) return std::unexpected(stores.error());
  std::vector<remote_store> found;
  for (auto& store : *stores) {
    if (store.id == name) return store;
    if (store.name == name) found.push_back(std::move(store));
  }
  if (found.empty()) return fail(errc::not_found, "there is no vector store named " + name);
  if (found.size() == 1) return std::move(found.front());
  std::string ids;
  for (const auto& store : found) ids += (ids.empty() ? "" : ", ") + store.id;
  return fail(errc::conflict, std::to_string(found.size()) + " vector stores are named " + name +
                                  ": name one by its id (" + ids + ')');
}

result<remote_store> api_client::get_store(const std::string& id) {
  return to_one(ask({.path = "/v1/vector_stores/" + escape(id)}), to_store);
}

result<remote_store> api_client::create_store(const std::string& name) {
  return to_one(ask({.method = "POST",
                     .path = "/v1/vector_stores",
                     .json = json::serialize(json::object{{"name", name}})}),
                to_store);
}

result<std::vector<remote_file>> api_client::list_files() {
  return all_pages(*this, "/v1/files?limit=1000", to_file);
}

result<remote_file> api_client::upload(const std::filesystem::path& file, const std::string& name) {
  return to_one(ask({.method = "POST", .path = "/v1/files", .upload = file, .upload_name = name}),
                to_file);
}

result<void> api_client::delete_file(const std::string& id) {
  return to_nothing(ask({.method = "DELETE", .path = "/v1/files/" + escape(id)}));
}

result<void> api_client::attach(const std::string& store, const std::string& file,
                                const std::string& path) {
  json::object body{{"file_id", file}};
  if (path.size() <= attribute_bytes_max) body["attributes"] = json::object{{"path", path}};
  return to_nothing(ask({.method = "POST",
                         .path = "/v1/vector_stores/" + escape(store) + "/files",
                         .json = json::serialize(body)}));
}

result<std::vector<indexed_file>> api_client::list_store_files(const std::string& store) {
  return all_pages(*this, "/v1/vector_stores/" + escape(store) + "/files?limit=100", to_indexed);
}

result<api_key> api_client::create_key(const key_wish& wish) {
  json::object body{{"name", wish.name}};
  if (!wish.scopes.empty()) body["scopes"] = json::array(wish.scopes.begin(), wish.scopes.end());
  if (wish.expires_in != 0) body["expires_in"] = wish.expires_in;
  if (!wish.organization.empty()) body["organization"] = wish.organization;
  if (!wish.user.empty()) body["user"] = wish.user;
  return to_one(ask({.method = "POST", .path = "/v1/auth/keys", .json = json::serialize(body)}),
                to_key);
}

result<std::vector<api_key>> api_client::list_keys(const std::string& user) {
  return all_pages(*this, "/v1/auth/keys?user=" + escape(user), to_key);
}

result<api_key> api_client::rotate_key(const std::string& id, std::int64_t overlap_seconds,
                                       const std::string& user) {
  const json::object body{{"overlap", overlap_seconds}, {"user", user}};
  return to_one(ask({.method = "POST",
                     .path = "/v1/auth/keys/" + escape(id) + "/rotate",
                     .json = json::serialize(body)}),
                to_key);
}

result<void> api_client::revoke_key(const std::string& id, const std::string& user) {
  return to_nothing(
      ask({.method = "DELETE", .path = "/v1/auth/keys/" + escape(id) + "?user=" + escape(user)}));
}

result<caps_view> api_client::get_caps(const std::string& subject) {
  auto body = ask({.method = "GET", .path = "/v1/admin/caps/" + escape(subject)});
  if (!body) return std::unexpected(std::move(body.error()));
  return troupe::json::decode<caps_view>(*body);
}

result<caps_view> api_client::put_caps(const put_caps_request& caps) {
  auto body = ask({.method = "PUT",
                   .path = "/v1/admin/caps/" + escape(caps.subject),
                   .json = troupe::json::encode(caps)});
  if (!body) return std::unexpected(std::move(body.error()));
  return troupe::json::decode<caps_view>(*body);
}

result<import_users_reply> api_client::import_users(const import_users_request& batch) {
  auto body = ask(
      {.method = "POST", .path = "/v1/admin/users/import", .json = troupe::json::encode(batch)});
  if (!body) return std::unexpected(std::move(body.error()));
  return troupe::json::decode<import_users_reply>(*body);
}

} // namespace troupe::cli
