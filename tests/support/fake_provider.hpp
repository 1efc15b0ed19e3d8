#pragma once

#include "actors/ports/llm_provider.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe {

/// A provider under the test's hand: it keeps every call until the test says what comes. For actor
/// tests; the real protocol is tested against provider_sim.py.
class fake_provider final : public llm_provider {
public:
  struct call_record {
    json_text body;
    bool stream = false;
    llm_sink sink;
    std::atomic<int> granted{64};
    std::atomic<bool> cancelled{false};
  };

  std::unique_ptr<llm_call> chat(json_text body, bool stream, std::chrono::steady_clock::time_point,
                                 std::string, llm_sink sink) override {
    auto record = std::make_shared<call_record>();
    record->body = std::move(body);
    record->stream = stream;
    record->sink = std::move(sink);
    const std::lock_guard lock(mutex_);
    calls_.push_back(record);
    return std::make_unique<handle>(record);
  }
  void embeddings(json_text body, std::chrono::steady_clock::time_point,
                  reply<json_text> answer) override {
    {
      const std::lock_guard lock(mutex_);
      embedded_ = std::move(body);
    }
    answer(json_text{R"({"object":"list","data":[]})"});
  }
  void models(std::chrono::steady_clock::time_point, reply<json_text> answer) override {
    answer(json_text{
        R"({"object":"list","data":[{"id":"far","object":"model","created":1,"owned_by":"x"}]})"});
  }

  /// The newest call, or null. Its sink may be used on the test's thread.
  [[nodiscard]] std::shared_ptr<call_record> last() const {
    const std::lock_guard lock(mutex_);
    return calls_.empty() ? nullptr : calls_.back();
  }

  /// The newest body of an embeddings call.
  [[nodiscard]] json_text embedded() const {
    const std::lock_guard lock(mutex_);
    return embedded_;
  }

private:
  struct handle final : llm_call {
    explicit handle(std::shared_ptr<call_record> r) : record(std::move(r)) {}
    ~handle() override { cancel(); }
    void grant(std::uint32_t chunks) override { record->granted += static_cast<int>(chunks); }
    void cancel() override { record->cancelled = true; }
    std::shared_ptr<call_record> record;
  };

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<call_record>> calls_;
  json_text embedded_;
};

} // namespace troupe
