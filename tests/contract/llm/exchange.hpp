#pragma once

#include "adapters/llm/openai_provider.hpp"
#include "tests/support/scripted_server.hpp"

#include <gtest/gtest.h>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe::test {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// What a sink was told.
class recorder {
public:
  llm_sink sink() {
    llm_sink out;
    out.accepted = [this] { note([this] { accepted_ = true; }); };
    out.chunk = [this](json_text chunk) { note([&] { chunks_.push_back(std::move(chunk.raw)); }); };
    out.end = reply<json_text>([this](result<json_text> end) {
      note([&] {
        ++ends_;
        end_ = std::move(end);
      });
    });
    return out;
  }

  result<json_text> end(std::chrono::milliseconds within = 5s) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, within, [this] { return ends_ != 0; }))
      return fail(errc::internal, "no end within the test's patience");
    return *end_;
  }
  bool wait_chunks(std::size_t count, std::chrono::milliseconds within = 5s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, within, [&] { return chunks_.size() >= count; });
  }
  bool wait_accepted() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 5s, [this] { return accepted_; });
  }
  std::vector<std::string> chunks() {
    std::lock_guard lock(mutex_);
    return chunks_;
  }
  bool accepted() {
    std::lock_guard lock(mutex_);
    return accepted_;
  }
  int ends() {
    std::lock_guard lock(mutex_);
    return ends_;
  }

private:
  template <class Change>
  void note(Change change) {
    std::lock_guard lock(mutex_);
    EXPECT_EQ(ends_, 0) << "something came after the end";
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool accepted_ = false;
  int ends_ = 0;
  std::vector<std::string> chunks_;
  std::optional<result<json_text>> end_;
};

inline const std::string completion = R"({"id":"c","object":"chat.completion","choices":[]})";
inline const std::string text_chunk =
    R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]})";
inline const std::string finish_chunk =
    R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

inline llm_config config_for(const scripted_server& server) {
  llm_config out;
  out.base_url = server.base_url();
  out.api_key.value = "sk-test";
  return out;
}

inline std::unique_ptr<llm_provider> provider_for(llm_config config) {
  auto made = make_llm_provider(std::move(config));
  EXPECT_TRUE(made.has_value());
  return made ? std::move(*made) : nullptr;
}

/// One call against one script.
struct exchange {
  exchange(scripted_server::script script, bool streamed = true, llm_config settings = {},
           std::chrono::milliseconds patience = 10s)
      : server(std::move(script)) {
    settings.base_url = server.base_url();
    provider = provider_for(std::move(settings));
    call =
        provider->chat({R"({"model":"m"})"}, streamed, steady::now() + patience, {}, seen.sink());
  }

  scripted_server server;
  recorder seen;
  std::unique_ptr<llm_provider> provider;
  std::unique_ptr<llm_call> call;
};

} // namespace troupe::test
