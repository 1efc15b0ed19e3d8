#include "runtime/cli/tap.hpp"

#include "broker/tap_client.hpp"
#include "runtime/bus_keys.hpp"
#include "runtime/cli/tap_text.hpp"
#include "runtime/cli/terminal.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>

namespace troupe::cli {
namespace {

std::atomic<bool> is_interrupted = false;

void on_signal(int) {
  is_interrupted = true;
}

int say(const error& why, int code) {
  std::fprintf(stderr, "troupe tap: %s\n", printable(why.message).c_str());
  return code;
}

result<wire::tap_body> wish_of(const tap_options& options) {
  wire::tap_body out;
  out.service = options.service;
  out.rate = options.rate;
  out.bodies = options.bodies ? 2 : options.shape ? 1 : 0;
  for (const auto& name : options.types) {
    const auto type = frame_type_named(name);
    if (!type) return std::unexpected(type.error());
    out.types.push_back(*type);
  }
  return out;
}

} // namespace

int run_tap_command(const tap_options& options, const config& in) {
  auto wish = wish_of(options);
  if (!wish) return say(wish.error(), 2);
  auto keys = read_bus_keys(in);
  if (!keys) return say(keys.error(), 2);
  tap_config config{broker_links(in), std::move(*wish), std::move(keys->own),
                    std::move(keys->brokers)};
  if (config.brokers.empty())
    return say(make_error(errc::invalid_argument, "name a broker: --join tcp://127.0.0.1:7700"), 2);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::uint64_t seen = 0;
  tap_callbacks told;
  told.frame = [&](const std::string& broker, const wire::tapped_body& frame) {
    if (options.count != 0 && seen >= options.count) return;
    ++seen;
    std::printf("%s\n", (options.json ? tap_json(broker, frame) : tap_line(frame)).c_str());
    std::fflush(stdout);
  };
  told.note = [](const std::string& broker, const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", printable(broker).c_str(), what.c_str());
  };
  told.is_over = [&] {
    return is_interrupted || std::ferror(stdout) != 0 ||
           (options.count != 0 && seen >= options.count);
  };
  if (auto done = run_tap(config, told); !done) return say(done.error(), 1);
  return 0;
}

} // namespace troupe::cli
