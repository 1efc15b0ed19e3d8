#include "runtime/app.hpp"
#include "runtime/cli/cli.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  try {
    return troupe::cli::run({argv + (argc > 0 ? 1 : 0), argv + argc}, troupe::process_environment(),
                            troupe::run_server);
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "troupe: unexpected: %s\n", bug.what());
    return troupe::cli::exit_failed;
  }
}
