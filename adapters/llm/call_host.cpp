#include "adapters/curl/http_handle.hpp"
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
  CURL* easy = curl::make_http_handle(config.base_url + path_of(to), config.connect_timeout);
  if (easy == nullptr) return nullptr;
  curl_easy_setopt(easy, CURLOPT_POST, to == endpoint::models ? 0L : 1L);
  if (to == endpoint::models) curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
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
