#include "broker/zmq/zap.hpp"

#include "broker/keys.hpp"
#include "broker/zap_request.hpp"
#include "broker/zmq/socket.hpp"
#include "messages/base/log.hpp"
#include "messages/base/metrics.hpp"
#include "messages/base/thread_signals.hpp"

#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace troupe::wire {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds log_pause{1}; ///< strangers must not fill the log

metrics::metric& refused_count() {
  static metrics::metric count(metrics::kind::counter, "troupe_broker_refused_total",
                               "Connections refused because their key is not in the allow-list");
  return count;
}

std::string as_text(std::string_view raw_key) {
  std::array<char, link_key_characters + 1> text{};
  zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(raw_key.data()),
                 raw_key.size());
  return text.data();
}

class handler {
public:
  handler() : socket_(process_context(), zmq::socket_type::rep) {
    refused_count().add(0);
    socket_.bind("inproc://zeromq.zap.01");
    std::thread([this] { run(); }).detach();
  }

  void set(const std::string& domain, std::shared_ptr<const access_table> table) {
    const std::lock_guard lock(mutex_);
    domains_[domain].table = std::move(table);
  }
  void expect(const std::string& domain, std::string key) {
    const std::lock_guard lock(mutex_);
    domains_[domain].expected = std::move(key);
  }
  void remove(const std::string& domain) {
    const std::lock_guard lock(mutex_);
    domains_.erase(domain);
  }

private:
  struct entry {
    std::shared_ptr<const access_table> table;
    std::string expected; ///< refused without a line
  };

  void run() {
    pthread_setname_np(pthread_self(), "zap");
    leave_signals_to_main();
    std::vector<zmq::message_t> frames;
    for (;;) {
      frames.clear();
      do {
        if (!socket_.recv(frames.emplace_back())) return;
      } while (frames.back().more());
      answer(frames);
    }
  }

  /// Only libzmq asks. What is not understood is refused, for an answer is owed.
  void answer(const std::vector<zmq::message_t>& frames) {
    std::vector<std::string_view> texts;
    for (const auto& f : frames) texts.emplace_back(f.data<char>(), f.size());
    const auto asked = read_zap_request(texts);
    const auto key = asked ? as_text(asked->key) : std::string();
    const bool may = asked && is_allowed(*asked, key);
    const std::string_view id = texts.size() > 1 ? texts[1] : std::string_view();
    const std::array<std::string_view, 6> said{"1.0",
                                               id,
                                               may ? "200" : "400",
                                               may ? "" : "this key is not in the allow-list",
                                               may ? std::string_view(key) : std::string_view(),
                                               ""};
    for (std::size_t n = 0; n < said.size(); ++n)
      socket_.send(zmq::buffer(said[n]),
                   n + 1 < said.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }

  bool is_allowed(const zap_request& asked, const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto at = domains_.find(asked.domain);
    if (at == domains_.end()) return false;
    if (at->second.table->find(key) != nullptr) return true;
    if (key != at->second.expected) note_refusal(asked, key);
    return false;
  }

  void note_refusal(const zap_request& asked, const std::string& key) {
    refused_count().add();
    const auto now = clock::now();
    if (now < next_line_) return void(++unsaid_);
    next_line_ = now + log_pause;
    log::warn("broker.refused", {{"address", asked.address},
                                 {"key", key},
                                 {"why", "not in the allow-list"},
                                 {"unsaid", std::exchange(unsaid_, 0)}});
  }

  zmq::socket_t socket_; ///< of the thread
  std::mutex mutex_;
  std::map<std::string, entry, std::less<>> domains_; // guarded by mutex_
  clock::time_point next_line_{};                     // guarded by mutex_
  std::uint64_t unsaid_ = 0;                          // guarded by mutex_
};

handler& process_handler() {
  static auto* const one = new handler; // never ended, as its context
  return *one;
}

std::string next_name() {
  static std::atomic<std::uint64_t> made{0};
  return "troupe-" + std::to_string(++made);
}

} // namespace

zap_domain::zap_domain(std::shared_ptr<const access_table> table) : name_(next_name()) {
  process_handler().set(name_, std::move(table));
}

zap_domain::~zap_domain() {
  process_handler().remove(name_);
}

void zap_domain::change(std::shared_ptr<const access_table> table) {
  process_handler().set(name_, std::move(table));
}

void zap_domain::expect(std::string public_key) {
  process_handler().expect(name_, std::move(public_key));
}

} // namespace troupe::wire
