#include "adapters/llm/http_call.hpp"

#include <utility>

namespace troupe::llm {

namespace {

/// Handles kept for reuse; each holds a few KiB.
constexpr std::size_t idle_handles_max = 1024;

constexpr const char* path_of(endpoint to) {
  switch (to) {
    case endpoint::chat:
      return "/chat/completions";
    case endpoint::embeddings:
      return "/embeddings";
    case endpoint::models:
      return "/models";
  }
  return "";
}

bool is_loopback(const std::string& url) {
  CURLU* parsed = curl_url();
  char* host = nullptr;
  bool found = false;
  if (curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
    const std::string_view name(host);
    found = name == "localhost" || name == "[::1]" || name.starts_with("127.");
    curl_free(host);
  }
  curl_url_cleanup(parsed);
  return found;
}

curl_slist* make_headers(const llm_config& config) {
  curl_slist* list = nullptr;
  const auto add = [&](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
  add("Content-Type: application/json");
  add("Expect:"); // no 100-continue round trip for bodies past 1 MiB
  if (!config.api_key.value.empty()) add("Authorization: Bearer " + config.api_key.value);
  if (!config.organization.empty()) add("OpenAI-Organization: " + config.organization);
  if (!config.project.empty()) add("OpenAI-Project: " + config.project);
  return list;
}

} // namespace

call_host::call_host(llm_config settings)
    : config(std::move(settings)),
      headers(make_headers(config)),
      loop(config.connections_max, [this](auto now) { return sweep(now); }, config.loop) {}

call_host::~call_host() {
  loop.stop([] {});
  curl_slist_free_all(headers);
}

CURL* call_host::take(endpoint to) {
  auto& idle = idle_[static_cast<std::size_t>(to)];
  if (idle.empty()) return make(to);
  CURL* easy = idle.back();
  idle.pop_back();
  return easy;
}

void call_host::give_back(endpoint to, CURL* easy) {
  auto& idle = idle_[static_cast<std::size_t>(to)];
  if (idle.size() < idle_handles_max) {
    idle.push_back(easy);
  } else {
    curl_easy_cleanup(easy);
  }
}

CURL* call_host::make(endpoint to) {
  CURL* easy = curl_easy_init();
  if (easy == nullptr) return nullptr;
  curl_easy_setopt(easy, CURLOPT_URL, (config.base_url + path_of(to)).c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  // One call a connection: closing it is the cancel, not reading it is the back-pressure.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_POST, to == endpoint::models ? 0L : 1L);
  if (to == endpoint::models) curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "troupe");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // A cancel does not wait for the resolver's thread: a name server that is silent would hold the
  // loop, and with it everybody's streams, for seconds.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(config.connect_timeout.count()));
  // The environment's proxy is for the world outside.
  if (is_loopback(config.base_url)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  loop.prepare(easy);
  return easy;
}

bool call_host::sweep(std::chrono::steady_clock::time_point now) {
  // A call may leave the set while it is looked at.
  const std::vector<std::shared_ptr<http_call>> calls(active.begin(), active.end());
  for (const auto& call : calls) call->check_time(now);
  return !active.empty();
}

void call_host::shut_down() {
  loop.stop([this] {
    const std::vector<std::shared_ptr<http_call>> calls(active.begin(), active.end());
    for (const auto& call : calls) {
      call->end_now(make_error(errc::cancelled, "the provider is shut down"));
    }
    active.clear();
    for (auto& idle : idle_) {
      for (CURL* easy : idle) curl_easy_cleanup(easy);
      idle.clear();
    }
  });
}

} // namespace troupe::llm
