#include "runtime/cli/top.hpp"

#include "messages/codec/json.hpp"
#include "runtime/cli/api_client.hpp"
#include "runtime/cli/terminal.hpp"
#include "runtime/cli/top_text.hpp"

#include <sys/ioctl.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

namespace troupe::cli {
namespace {

using clock = std::chrono::steady_clock;

/// Lines that are no rows of nodes: the summary, heads, blank lines, the line that counts the rest.
constexpr std::size_t lines_beside = 12;

struct one_look {
  topology seen;
  clock::time_point at;
  std::string json;
};

void say(const error& why) {
  std::fprintf(stderr, "troupe top: %s\n", printable(why.message).c_str());
  if (why.code == errc::forbidden)
    std::fprintf(stderr, "It needs an admin's key: --key, TROUPE_API_KEY or DIR/admin.key.\n");
}

result<one_look> look(api_client& from) {
  auto body = from.ask({.path = "/v1/admin/topology"});
  if (!body) return std::unexpected(std::move(body.error()));
  auto seen = json::decode<topology>(*body);
  if (!seen || seen->object != "topology")
    return fail(errc::internal, "the server's answer is no topology: is it an older server?");
  return one_look{std::move(*seen), clock::now(), std::move(*body)};
}

/// How many nodes fit on the terminal; 0: all.
std::size_t nodes_that_fit(const topology& all) {
  winsize size{};
  if (::ioctl(::fileno(stdout), TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return 0;
  const auto others = lines_beside + all.brokers.size() + all.services.size();
  return size.ws_row > others + 3 ? size.ws_row - others : 3;
}

/// Over what was there before, so that it does not flicker.
std::string redrawn(const std::string& text) {
  std::string out = "\x1b[H";
  for (const char c : text) {
    if (c == '\n') out += "\x1b[K";
    out += c;
  }
  return out + "\x1b[J";
}

void show(const one_look& now, const std::optional<one_look>& before, bool as_json, bool redraws) {
  if (as_json) return void(std::printf("%s\n", now.json.c_str()));
  top_view view;
  view.now = now.seen;
  if (before) {
    view.before = &before->seen;
    view.seconds = std::chrono::duration<double>(now.at - before->at).count();
  }
  if (redraws) view.nodes_max = nodes_that_fit(now.seen);
  const auto text = top_text(view);
  std::fputs(redraws ? redrawn(text).c_str() : (text + (before ? "\n" : "")).c_str(), stdout);
}

} // namespace

int run_top(const top_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) {
    say(to.error());
    return to.error().code == errc::invalid_argument ? 2 : 1;
  }
  api_client client(*to);
  const bool redraws = !options.once && !options.json && is_terminal(stdout);
  std::optional<one_look> before;
  for (;;) {
    auto now = look(client);
    if (!now) say(now.error());
    if (!now && !before) return 1;
    if (now) {
      if (redraws && !before) std::fputs("\x1b[2J", stdout);
      show(*now, before, options.json, redraws);
      before = std::move(*now);
    }
    std::fflush(stdout);
    if (options.once || std::ferror(stdout) != 0) return std::ferror(stdout) != 0 ? 1 : 0;
    std::this_thread::sleep_for(std::chrono::duration<double>(options.interval));
  }
}

} // namespace troupe::cli
