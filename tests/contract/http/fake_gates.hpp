#pragma once

#include "actors/ports/gates.hpp"
#include "adapters/http/http_edge.hpp"
#include "messages/codec/json_text.hpp"
#include "tests/contract/http/raw_client.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/test_certificate.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

/// Gates with switches instead of actors behind them. Answers come from a thread of their own.
namespace troupe::test {

/// One thread that runs what it is given, in order.
class answerer {
public:
  answerer() : thread_([this](std::stop_token) { run(); }) {}
  ~answerer() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
  }
  void post(std::move_only_function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      auto work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> waiting_;
  bool stopping_ = false;
  std::jthread thread_;
};

/// What a test sees and does of one running stream.
struct running_stream {
  std::atomic<int> cancels = 0;
  std::atomic<std::uint32_t> frames = 0, bytes = 0; ///< granted
  request_context context;
  chat_request request;
  resume_chat_request resumed; ///< in the place of it
  stream_sink<chat_delta, chat_reply> sink;

  void delta(std::string data, std::string event = {}) {
    sink.delta(chat_delta{std::move(event), json_text{std::move(data)}});
  }
  void good_end() { sink.end(chat_reply{}); }
};

class stream_handle final : public stream_control {
public:
  explicit stream_handle(std::shared_ptr<running_stream> of) : of_(std::move(of)) {}
  void grant(std::uint32_t frames, std::uint32_t bytes) override {
    of_->frames += frames;
    of_->bytes += bytes;
  }
  void cancel() override { ++of_->cancels; }

private:
  std::shared_ptr<running_stream> of_;
};

/// All gates in one. An ask is answered with a default reply, with `next_error` when set, or with
/// what fits the request; a chat with the model `hold` is left to the test.
class fake_gates final : public account_gate,
                         public chat_gate,
                         public document_gate,
                         public log_gate,
                         public cluster_gate,
                         public health_gate {
public:
#define TROUPE_TEST_ASK(service_, name_, request_, delta_, reply_, class_)     \
  void ask(request_context context, request_ in, reply<reply_> out) override { \
    handle(std::move(context), std::move(in), std::move(out));                 \
  }
  TROUPE_ACCOUNT_METHODS(TROUPE_TEST_ASK)
  TROUPE_LOG_METHODS(TROUPE_TEST_ASK)
  TROUPE_CLUSTER_METHODS(TROUPE_TEST_ASK)
  TROUPE_TEST_ASK(, , stop_chat_request, , chat_stream_view, )
  TROUPE_TEST_ASK(, , embeddings_request, , json_reply, )
  TROUPE_TEST_ASK(, , models_request, , model_list, )
  TROUPE_TEST_ASK(, , create_file_request, , file_view, )
  TROUPE_TEST_ASK(, , list_files_request, , file_list, )
  TROUPE_TEST_ASK(, , get_file_request, , file_view, )
  TROUPE_TEST_ASK(, , delete_file_request, , deleted_reply, )
  TROUPE_TEST_ASK(, , create_store_request, , store_view, )
  TROUPE_TEST_ASK(, , list_stores_request, , store_list, )
  TROUPE_TEST_ASK(, , get_store_request, , store_view, )
  TROUPE_TEST_ASK(, , delete_store_request, , deleted_reply, )
  TROUPE_TEST_ASK(, , attach_file_request, , store_file_view, )
  TROUPE_TEST_ASK(, , list_store_files_request, , store_file_list, )
  TROUPE_TEST_ASK(, , get_store_file_request, , store_file_view, )
  TROUPE_TEST_ASK(, , detach_file_request, , deleted_reply, )
  TROUPE_TEST_ASK(, , search_request, , search_reply, )
  TROUPE_TEST_ASK(, , ping_request, , ping_reply, )
#undef TROUPE_TEST_ASK

  std::unique_ptr<stream_control> chat(request_context context, chat_request request,
                                       stream_sink<chat_delta, chat_reply> sink) override {
    auto made = std::make_shared<running_stream>();
    made->context = std::move(context);
    made->request = std::move(request);
    made->sink = std::move(sink);
    const bool held = made->request.model == "hold";
    {
      const std::lock_guard lock(mutex);
      streams.push_back(made);
    }
    if (!held)
      answers.post([made] {
        chat_reply out;
        out.body.raw = R"({"object":"chat.completion"})";
        made->sink.end(std::move(out));
      });
    return std::make_unique<stream_handle>(made);
  }

  /// Left to the test.
  std::unique_ptr<stream_control> resume(request_context context, resume_chat_request request,
                                         stream_sink<chat_delta, chat_reply> sink) override {
    auto made = std::make_shared<running_stream>();
    made->context = std::move(context);
    made->resumed = std::move(request);
    made->sink = std::move(sink);
    const std::lock_guard lock(mutex);
    streams.push_back(made);
    return std::make_unique<stream_handle>(made);
  }

  /// Two pieces; the second waits for the first one's credit.
  std::unique_ptr<stream_control> content(request_context, file_content_request request,
                                          stream_sink<file_chunk, file_view> sink) override {
    auto made = std::make_shared<running_stream>();
    auto shared = std::make_shared<stream_sink<file_chunk, file_view>>(std::move(sink));
    answers.post([made, shared, id = request.file_id] {
      if (id != "file-1")
        return shared->end.fail(make_error(errc::not_found, "no such file", "file_id"));
      shared->delta(file_chunk{byte_string{std::string("one\0", 4)}});
      eventually([&] { return made->frames == 1 && made->bytes == 4; });
      shared->delta(file_chunk{byte_string{"two"}});
      file_view view;
      view.filename = "b\xC3\xBC\"\r\nch.md";
      shared->end(view);
    });
    return std::make_unique<stream_handle>(made);
  }

  [[nodiscard]] std::shared_ptr<running_stream> stream(std::size_t i = 0) {
    if (!eventually([&] {
          const std::lock_guard lock(mutex);
          return streams.size() > i;
        }))
      throw std::runtime_error("the chat did not reach the gate");
    const std::lock_guard lock(mutex);
    return streams[i];
  }

  [[nodiscard]] http_gates all() { return {this, this, this, this, this, this}; }

  std::mutex mutex; // what follows
  std::vector<std::shared_ptr<running_stream>> streams;
  std::optional<error> next_error;
  request_context last_context; ///< of the last ask
  std::string seen;             ///< the last request, told by its type
  int asked = 0;
  bool ready = true;

  answerer answers; // last: its thread uses the rest

private:
  template <class Request, class Reply>
  void handle(request_context in_context, Request in, reply<Reply> out) {
    const std::lock_guard lock(mutex);
    ++asked;
    last_context = std::move(in_context);
    auto shared = std::make_shared<reply<Reply>>(std::move(out));
    if (next_error) {
      answers.post([shared, why = *std::exchange(next_error, std::nullopt)] { shared->fail(why); });
      return;
    }
    Reply value{};
    fill(in, value);
    answers.post([shared, v = std::move(value)]() mutable { (*shared)(std::move(v)); });
  }

  template <class Request, class Reply>
  void fill(const Request&, Reply&) {}
  void fill(const ping_request&, ping_reply& out) { out.ready = ready; }
  void fill(const login_request& in, session_reply& out) { out.user.email = in.email; }
  void fill(const get_store_file_request& in, store_file_view& out) {
    out.vector_store_id = in.vector_store_id;
    out.id = in.file_id;
  }
  void fill(const models_request& in, model_list& out) {
    if (in.id != "none") out.data.push_back({in.id, "model", 1, "test"});
  }
  void fill(const embeddings_request& in, json_reply& out) {
    out.body = with_member("input", in.input, in.body); // as a provider would get it
  }
  void fill(const search_request& in, search_reply& out) {
    out.search_query.push_back(in.query.raw);
    seen = std::to_string(in.vector_store_ids.size()) + in.vector_store_id;
  }
  void fill(const create_file_request& in, file_view& out) {
    out.filename = in.filename;
    out.purpose = in.purpose;
    out.bytes = static_cast<std::int64_t>(in.content.data.size());
  }
  void fill(const topology_request&, topology& out) {
    out.brokers.emplace_back().address = "tcp://127.0.0.1:7700";
    out.nodes.emplace_back().instance = "00000000000000ff";
    out.services.emplace_back().waiting.batch = 2;
  }
  void fill(const list_logs_request& in, log_page&) {
    seen = in.service + "|" + in.q + "|" + std::to_string(in.limit);
  }
  void fill(const append_logs_request& in, append_logs_reply& out) {
    seen =
        std::to_string(in.records.size()) + "|" + in.batch + "|" + std::to_string(in.users.size());
    for (const auto& r : in.records) {
      log_record record;
      record.id = "log_" + std::to_string(out.data.size());
      record.message = r.message;
      out.data.push_back(std::move(record));
    }
  }
};

/// An edge on a free port over fake gates, under TLS where clients are.
struct edge_under_test {
  explicit edge_under_test(http_config config = {}) : gates(std::make_unique<fake_gates>()) {
    config.port = 0;
    if (over_tls && config.tls_certificate.empty()) {
      static const certificate_files files;
      config.tls_certificate = files.certificate();
      config.tls_key = files.key();
    }
    auto made = make_http_edge(config, gates->all());
    if (!made) throw std::runtime_error(made.error().message);
    edge = std::move(*made);
    edge->set_ready(true);
  }
  [[nodiscard]] std::uint16_t port() const { return edge->port(); }

  std::unique_ptr<fake_gates> gates;
  std::unique_ptr<http_edge> edge; // ends before its gates
};

} // namespace troupe::test
