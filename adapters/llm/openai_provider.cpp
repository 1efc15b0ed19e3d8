#include "adapters/llm/openai_provider.hpp"

#include "adapters/curl/http_handle.hpp"
#include "adapters/llm/http_call.hpp"
#include "messages/base/metrics.hpp"

#include <utility>

namespace troupe {
namespace {

using llm::call_host;
using llm::call_request;
using llm::endpoint;
using llm::http_call;
using time_point = std::chrono::steady_clock::time_point;

metrics::metric& calls_total() {
  static metrics::metric counter(metrics::kind::counter, "troupe_upstream_calls_total",
                                 "Calls made to the model provider.");
  return counter;
}

class call_handle final : public llm_call {
public:
  call_handle(std::shared_ptr<call_host> host, std::shared_ptr<http_call> call)
      : host_(std::move(host)), call_(std::move(call)) {}
  ~call_handle() override { cancel(); }

  void grant(std::uint32_t chunks) override {
    if (call_) host_->loop.post([call = call_, chunks] { call->grant(chunks); });
  }

  void cancel() override {
    if (auto call = std::exchange(call_, nullptr)) {
      host_->loop.post([call = std::move(call)] {
        call->end_now(make_error(errc::cancelled, "the request was cancelled"));
      });
    }
  }

private:
  std::shared_ptr<call_host> host_;
  std::shared_ptr<http_call> call_;
};

class openai_provider final : public llm_provider {
public:
  explicit openai_provider(llm_config config)
      : host_(std::make_shared<call_host>(std::move(config))) {
    host_->loop.start();
  }
  ~openai_provider() override { host_->shut_down(); }

  std::unique_ptr<llm_call> chat(json_text body, bool stream, time_point deadline,
                                 std::string traceparent, llm_sink sink) override {
    auto call = begin({endpoint::chat, stream, std::move(body), deadline, std::move(traceparent),
                       std::move(sink)});
    return std::make_unique<call_handle>(host_, std::move(call));
  }

  void embeddings(json_text body, time_point deadline, reply<json_text> answer) override {
    begin(
        {endpoint::embeddings, false, std::move(body), deadline, {}, {{}, {}, std::move(answer)}});
  }

  void models(time_point deadline, reply<json_text> answer) override {
    begin({endpoint::models, false, {}, deadline, {}, {{}, {}, std::move(answer)}});
  }

private:
  /// Nothing when the bound of running calls is reached: the sink has its answer then.
  std::shared_ptr<http_call> begin(call_request request) {
    calls_total().add();
    if (host_->in_flight.fetch_add(1, std::memory_order_relaxed) >= limits::upstream_calls) {
      host_->in_flight.fetch_sub(1, std::memory_order_relaxed);
      request.sink.end.fail(make_error(errc::overloaded, "too many provider calls are running"));
      return nullptr;
    }
    auto call = std::make_shared<http_call>(host_, std::move(request));
    host_->loop.post([call] { call->start(); });
    return call;
  }

  std::shared_ptr<call_host> host_;
};

bool is_header_text(const std::string& text) {
  return text.find_first_of("\r\n") == std::string::npos && text.find('\0') == std::string::npos;
}

result<void> check(llm_config& config) {
  const auto is_http =
      config.base_url.starts_with("http://") || config.base_url.starts_with("https://");
  CURLU* parsed = curl_url();
  const bool is_url = curl_url_set(parsed, CURLUPART_URL, config.base_url.c_str(), 0) == CURLUE_OK;
  curl_url_cleanup(parsed);
  if (!is_http || !is_url)
    return fail(errc::invalid_argument, "the provider's base URL is no http or https URL",
                "base_url");
  while (config.base_url.ends_with('/')) config.base_url.pop_back();
  if (!is_header_text(config.api_key.value))
    return fail(errc::invalid_argument, "the provider's key has a line break in it", "api_key");
  if (!is_header_text(config.organization) || !is_header_text(config.project))
    return fail(errc::invalid_argument, "a provider's header has a line break in it",
                "organization");
  if (config.connections_max < 1 || config.connections_max > 65'535)
    return fail(errc::invalid_argument, "must be 1 to 65,535", "connections_max");
  return {};
}

} // namespace

result<std::unique_ptr<llm_provider>> make_llm_provider(llm_config config) {
  curl::load();
  if (auto checked = check(config); !checked) return std::unexpected(checked.error());
  return std::make_unique<openai_provider>(std::move(config));
}

} // namespace troupe
