#pragma once

#include <csignal>
#include <initializer_list>

namespace troupe {

/// Called first in a thread of the program's own: signals are the main thread's. One that came here
/// would end a wait with EINTR, and a write to a closed socket would raise SIGPIPE here. But not
/// those of the thread's own faults: blocked, they end the process without a word (crash_dump).
inline void leave_signals_to_main() noexcept {
  sigset_t most;
  sigfillset(&most);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&most, fault);
  pthread_sigmask(SIG_BLOCK, &most, nullptr);
}

} // namespace troupe
