#include "adapters/web/http_fetch.hpp"

#include "adapters/curl/http_handle.hpp"
#include "adapters/web/fetch_call.hpp"
#include "adapters/web/fetch_rules.hpp"

#include <atomic>
#include <unordered_map>
#include <utility>

namespace troupe {
namespace {

using web::fetch_call;

class curl_http_fetch final : public http_fetch {
public:
  explicit curl_http_fetch(http_fetch_config config)
      : config_(std::move(config)),
        // Curl's own time-outs do: nothing is left to look at.
        loop_(static_cast<unsigned>(limits::fetches), [](auto) { return false; }, config_.loop) {
    loop_.start();
  }

  ~curl_http_fetch() override {
    loop_.stop([this] {
      for (auto& [call, owner] : running_) call->cancel(loop_);
      running_.clear();
    });
  }

  void fetch(fetch_request request, reply<fetch_reply> answer) override {
    if (auto ok = web::check(request); !ok) return answer.fail(std::move(ok.error()));
    if (in_flight_.fetch_add(1, std::memory_order_relaxed) >= limits::fetches) {
      in_flight_.fetch_sub(1, std::memory_order_relaxed);
      return answer.fail(make_error(errc::overloaded, "too many requests to other servers run"));
    }
    auto call = std::make_unique<fetch_call>(std::move(request), std::move(answer),
                                             [this](fetch_call* ended) { forget(ended); });
    loop_.post([this, call = std::move(call)]() mutable {
      auto& made = *call;
      running_.emplace(&made, std::move(call));
      made.start(loop_, config_.connect_timeout, config_.ca_file);
    });
  }

private:
  void forget(fetch_call* ended) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    running_.erase(ended);
  }

  const http_fetch_config config_;
  std::atomic<std::size_t> in_flight_{0};
  std::unordered_map<fetch_call*, std::unique_ptr<fetch_call>> running_; // loop thread only
  curl::curl_loop loop_;
};

} // namespace

std::unique_ptr<http_fetch> make_http_fetch(http_fetch_config config) {
  curl::load();
  return std::make_unique<curl_http_fetch>(std::move(config));
}

} // namespace troupe
