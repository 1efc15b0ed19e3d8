#include "runtime/io_thread.hpp"

#include "messages/base/log.hpp"
#include "messages/base/thread_signals.hpp"

#include <pthread.h>
#include <exception>

namespace troupe {

io_thread::io_thread(std::chrono::microseconds spin) : spin_(spin), thread_([this] { run(); }) {}

io_thread::~io_thread() {
  work_.reset();
  thread_.join();
}

void io_thread::run() {
  pthread_setname_np(pthread_self(), "io");
  leave_signals_to_main();
  for (;;) {
    try {
      return spin_.is_on() ? run_awake() : static_cast<void>(context_.run());
    } catch (const std::exception& e) { // out of memory in one handler must not end the rest
      log::error("io.handler_threw", {{"what", e.what()}});
    }
  }
}

void io_thread::run_awake() {
  auto now = idle_spin::clock::now(), last_news = now;
  while (!context_.stopped()) {
    const bool is_news = context_.poll() > 0;
    now = idle_spin::clock::now();
    if (is_news) {
      last_news = now;
    } else if (spin_.may_look(now, last_news)) {
      spin_.yield();
    } else {
      context_.run_one();
      last_news = idle_spin::clock::now();
    }
  }
}

} // namespace troupe
