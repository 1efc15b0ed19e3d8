#include "runtime/app.hpp"
#include "runtime/cli/cli.hpp"

#ifdef TROUPE_TCMALLOC
#include <gperftools/malloc_extension.h>
#endif

#include <cstdio>
#include <exception>

namespace {

/// What is free goes back to the system at once: bodies are up to 32 MiB, and what many of them
/// leave behind would count against the memory that the process may have.
void set_up_allocator() {
#ifdef TROUPE_TCMALLOC
  MallocExtension::instance()->SetNumericProperty("tcmalloc.aggressive_memory_decommit", 1);
#endif
}

} // namespace

int main(int argc, char** argv) {
  set_up_allocator();
  try {
    return troupe::cli::run({argv + (argc > 0 ? 1 : 0), argv + argc}, troupe::process_environment(),
                            troupe::run_server);
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "troupe: unexpected: %s\n", bug.what());
    return troupe::cli::exit_failed;
  }
}
