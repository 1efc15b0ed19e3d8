#include "adapters/curl/http_handle.hpp"

#include <strings.h>
#include <mutex>

namespace troupe::curl {

void load() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
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

CURL* make_http_handle(const std::string& url, std::chrono::milliseconds connect_timeout) {
  CURL* easy = curl_easy_init();
  if (easy == nullptr) return nullptr;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  // One call a connection: closing it is the cancel, not reading it is the back-pressure.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "troupe");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // A cancel does not wait for the resolver's thread: a name server that is silent would hold the
  // loop, and with it everybody's streams, for seconds.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout.count()));
  // The environment's proxy is for the world outside.
  if (is_loopback(url)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  return easy;
}

std::optional<std::string_view> header_value(std::string_view line, std::string_view name) {
  if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0)
    return {};
  line.remove_prefix(name.size());
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
  return line;
}

} // namespace troupe::curl
