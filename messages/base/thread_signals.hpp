#pragma once

#include <csignal>

namespace troupe {

/// Called first in a thread of the program's own: signals are the main thread's. One that came here
/// would end a wait with EINTR, and a write to a closed socket would raise SIGPIPE here.
inline void leave_signals_to_main() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace troupe
