#include "runtime/cli/http_client.hpp"

#include "runtime/version.hpp"

#include <curl/curl.h>
#include <algorithm>
#include <cstdlib>
#include <mutex>

namespace troupe::cli {
namespace {

constexpr std::size_t body_bytes_max = 64u << 20;
constexpr long connect_timeout_s = 5;
/// Streams carry a heartbeat every 15 s, so a longer silence means that nobody is there.
constexpr long silence_s = 120;

struct curl_deleter {
  void operator()(CURL* p) const noexcept { curl_easy_cleanup(p); }
  void operator()(curl_mime* p) const noexcept { curl_mime_free(p); }
  void operator()(curl_slist* p) const noexcept { curl_slist_free_all(p); }
};
template <class T>
using owned = std::unique_ptr<T, curl_deleter>;

void init_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool is_local(std::string_view url) {
  const auto host = url.substr(url.find("//") + 2);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

void add_header(owned<curl_slist>& headers, const std::string& line) {
  if (curl_slist* longer = curl_slist_append(headers.get(), line.c_str())) {
    static_cast<void>(headers.release());
    headers.reset(longer);
  }
}

const char* media_type(const std::filesystem::path& file) {
  const std::string ending = file.extension().string();
  if (ending == ".md" || ending == ".markdown") return "text/markdown";
  if (ending == ".html" || ending == ".htm") return "text/html";
  if (ending == ".json") return "application/json";
  if (ending == ".csv") return "text/csv";
  return "text/plain";
}

/// One transfer's way through curl's callbacks.
struct transfer {
  CURL* handle;
  const http_request& request;
  http_response response;

  std::size_t take(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (request.on_data && status >= 200 && status < 300) {
      request.on_data(bytes);
      return bytes.size();
    }
    if (response.body.size() + bytes.size() > body_bytes_max) return 0;
    response.body += bytes;
    return bytes.size();
  }

  static std::size_t on_bytes(char* at, std::size_t, std::size_t size, void* self) {
    return static_cast<transfer*>(self)->take({at, size});
  }
};

std::string what_failed(CURLcode code, const char* detail) {
  return *detail != '\0' ? detail : curl_easy_strerror(code);
}

error to_error(CURLcode code, const std::string& base, const std::string& detail) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return make_error(errc::unavailable,
                        "cannot reach " + base + ": is \"troupe serve\" running? (" + detail + ')');
    case CURLE_OPERATION_TIMEDOUT:
      return make_error(errc::unavailable, base + " does not answer (" + detail + ')');
    case CURLE_READ_ERROR:
      return make_error(errc::invalid_argument, "the file cannot be read (" + detail + ')');
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return make_error(errc::invalid_argument, base + " is no http:// or https:// address");
    default:
      return make_error(errc::unavailable,
                        "the connection to " + base + " broke off (" + detail + ')');
  }
}

/// What is the same for every request.
void set_habits(CURL* curl, const std::string& base) {
  static const std::string agent = "troupe/" + std::string(version);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_timeout_s);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, silence_s);
  // As OpenSSL's and curl's own programs do; the library does not by itself.
  if (const char* authorities = std::getenv("SSL_CERT_FILE"))
    curl_easy_setopt(curl, CURLOPT_CAINFO, authorities);
  // A proxy of the environment is for the world outside, not for this machine.
  if (is_local(base)) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
}

/// The result must live until the transfer is over.
owned<curl_slist> set_headers(CURL* curl, const http_request& request, const std::string& key) {
  owned<curl_slist> headers;
  if (!key.empty()) add_header(headers, "Authorization: Bearer " + key);
  if (!request.json.empty()) add_header(headers, "Content-Type: application/json");
  add_header(headers, "Expect:"); // no pause of a second before a large body
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  return headers;
}

owned<curl_mime> make_form(CURL* curl, const http_request& request) {
  owned<curl_mime> form(curl_mime_init(curl));
  curl_mimepart* purpose = curl_mime_addpart(form.get());
  curl_mime_name(purpose, "purpose");
  curl_mime_data(purpose, "assistants", CURL_ZERO_TERMINATED);
  curl_mimepart* file = curl_mime_addpart(form.get());
  curl_mime_name(file, "file");
  // A file that is gone by now fails the transfer with CURLE_READ_ERROR.
  curl_mime_filedata(file, request.upload.c_str());
  curl_mime_filename(file, request.upload_name.c_str());
  curl_mime_type(file, media_type(request.upload));
  return form;
}

/// Method and body. The result must live until the transfer is over.
owned<curl_mime> set_body(CURL* curl, const http_request& request) {
  if (!request.upload.empty()) {
    auto form = make_form(curl, request);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, form.get());
    return form;
  }
  if (!request.json.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.json.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.json.c_str());
  }
  if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  return nullptr;
}

} // namespace

struct http_client::state {
  std::string base;
  std::string key;
  owned<CURL> handle;
};

http_client::http_client(std::string base, std::string key) {
  init_once();
  state_ = std::make_unique<state>(std::move(base), std::move(key), owned<CURL>(curl_easy_init()));
}
http_client::~http_client() = default;
http_client::http_client(http_client&&) noexcept = default;
http_client& http_client::operator=(http_client&&) noexcept = default;

result<http_response> http_client::send(const http_request& request) {
  CURL* curl = state_->handle.get();
  if (curl == nullptr) return fail(errc::internal, "libcurl gave no handle");
  curl_easy_reset(curl); // keeps the connection
  const std::string url = state_->base + request.path;
  char detail[CURL_ERROR_SIZE] = {};
  transfer running{curl, request, {}};
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &transfer::on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &running);
  set_habits(curl, state_->base);
  const owned<curl_slist> headers = set_headers(curl, request, state_->key);
  const owned<curl_mime> form = set_body(curl, request);

  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  // A server that refuses a body may answer and close before it has read the whole.
  const bool refused_early =
      status >= 400 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
  if (code != CURLE_OK && !refused_early) {
    return std::unexpected(to_error(code, state_->base, what_failed(code, detail)));
  }
  curl_off_t wait = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait);
  running.response.status = static_cast<int>(status);
  running.response.retry_after_s = static_cast<int>(std::min<curl_off_t>(wait, 3600));
  return std::move(running.response);
}

std::string escape(std::string_view component) {
  init_once();
  char* text = curl_easy_escape(nullptr, component.data(), static_cast<int>(component.size()));
  if (text == nullptr) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

} // namespace troupe::cli
