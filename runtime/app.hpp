#pragma once

namespace troupe {

struct config;
class shutdown_signal;

/// Runs the roles of `in` until the end is asked for, then drains them; blocks. Prints one line
/// that begins with `ready` on stdout when it serves. Returns the exit code: 0 after a clean
/// shutdown, 1 when it could not start (the reason is on stderr). `in` has passed check_servable().
[[nodiscard]] int run_server(const config& in, shutdown_signal& signals);

} // namespace troupe
