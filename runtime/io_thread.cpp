#include "runtime/io_thread.hpp"

#include "messages/base/log.hpp"

#include <csignal>
#include <exception>
#include <pthread.h>

namespace troupe {

io_thread::io_thread() : thread_([this] { run(); }) {}

io_thread::~io_thread() {
  work_.reset();
  thread_.join();
}

void io_thread::run() {
  pthread_setname_np(pthread_self(), "io");
  // Signals are the main thread's; a TLS write to a closed socket would raise SIGPIPE here.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    try {
      context_.run();
      return;
    } catch (const std::exception& e) { // out of memory in one handler must not end the rest
      log::error("io.handler_threw", {{"what", e.what()}});
    }
  }
}

} // namespace troupe
